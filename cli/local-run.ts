import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseMemoryBytes, parseNanoCpus } from '../contract/parse-quantity.ts';
import type { StackFunction } from '../contract/stack-file.ts';
import { CliError, fileError } from './errors.ts';
import { SECRETS_FOLDER } from './secrets/apply.ts';

export interface LocalRun {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly port: number;
  /** Empty: Docker's own. */
  readonly network: string;
  /** Absolute. */
  readonly cwd: string;
}

const WATCHDOG_PORT = 8080;

/** The arguments of `docker` that run a function in the foreground and leave nothing behind. */
export function localRunArguments(fn: StackFunction, run: LocalRun): string[] {
  const { limits, fprocess, readOnlyRootFilesystem, secrets, namespace } = fn;
  const environment = {
    ...run.environment,
    OPENFAAS_NAME: fn.name,
    OPENFAAS_NAMESPACE: namespace ?? 'openfaas-fn',
    jwt_auth_local: 'true',
  };
  return [
    'run',
    '--name',
    fn.name,
    '--rm',
    '-i',
    ...(run.network === 'host' ? [] : [`-p=${run.port}:${WATCHDOG_PORT}`]),
    ...(run.network === '' ? [] : [`--network=${run.network}`]),
    ...Object.entries(environment).map(([key, value]) => `-e=${key}=${value}`),
    ...(readOnlyRootFilesystem ? ['--read-only'] : []),
    ...(limits?.memory
      ? [`--memory-reservation=${parseMemoryBytes(limits.memory, `${fn.name}: limits.memory`)}`]
      : []),
    ...(limits?.cpu ? [`--cpus=${parseNanoCpus(limits.cpu, `${fn.name}: limits.cpu`) / 1e9}`] : []),
    ...(secrets.length > 0 ? [`--volume=${join(run.cwd, SECRETS_FOLDER)}:/var/openfaas/secrets`] : []),
    ...(fprocess === undefined ? [] : [`-e=fprocess=${fprocess}`]),
    run.image,
  ];
}

/** @throws {CliError} naming each secret that has no file */
export async function requireSecretFiles(cwd: string, { name, secrets }: StackFunction): Promise<void> {
  const missing: string[] = [];
  for (const secret of secrets) {
    try {
      await access(join(cwd, SECRETS_FOLDER, secret), constants.R_OK);
    } catch {
      missing.push(`${SECRETS_FOLDER}/${secret}`);
    }
  }
  if (missing.length > 0)
    throw new CliError(
      `function ${name} needs secrets as files, which cannot be read: ${missing.join(', ')}. Make them`,
    );
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(fileError('find', 'a free port', error)));
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
