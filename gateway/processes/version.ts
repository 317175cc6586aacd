import { randomUUID } from 'node:crypto';
import { relative } from 'node:path';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { functionEnv } from '../functions/function-env.ts';
import { stopGraceMs } from '../functions/stop-grace.ts';
import type { Runnable } from './runnable.ts';

/**
 * Where functions find their secrets in a container. That folder cannot be made here without root, and each function has its own: one is
 * named by a variable, and paths of the other in variables and in `fprocess` are moved to it.
 */
const SECRETS_PATH = /(?<![\w./-])\/var\/openfaas\/secrets(?![\w.-])/g;
const SECRETS_KEY = 'SKEP_SECRETS';
const COMMAND_KEYS: ReadonlySet<string> = new Set(['fprocess', 'function_process']);

/** Between SIGTERM and the last call that is taken. The gateway knows at once here. */
const SERVES_ON = '500ms';
/** For a watchdog to be done after the last answer. */
const LAST_STEPS_MS = 1000;

/** What replicas are started from. */
export interface Version {
  readonly id: string;
  /** The same for versions whose replicas cannot be told apart: they are not replaced. */
  readonly fingerprint: string;
  /** As it was sent, without the registry's password. */
  readonly deployment: FunctionDeployment;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its copies of secrets; undefined: it has none. */
  readonly secretsFolder: string | undefined;
  readonly stopGraceMs: number;
}

export interface VersionParts {
  readonly ref: FunctionRef;
  readonly deployment: FunctionDeployment;
  readonly runnable: Runnable;
  /** Of this machine. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Copies of the secrets, and what stands for their values. */
  readonly secrets: { readonly folder: string; readonly digest: string } | undefined;
}

/** @throws {FaasError} `invalid_request`: a variable that cannot be set */
export function toVersion({ ref, deployment, runnable, inherited, secrets }: VersionParts): Version {
  const own = Object.fromEntries(functionEnv(deployment, ref));
  const { folder } = secrets ?? {};
  const said = { healthcheck_interval: SERVES_ON, ...own };
  const env: Record<string, string> = { ...inherited, ...runnable.env, ...said };
  const found = folder === undefined ? env : withSecrets(env, { folder, from: runnable.folder });
  const { labels: _l, annotations: _a, registryAuth: _r, ...kept } = deployment;
  const { registryAuth: _, ...stored } = structuredClone(deployment);
  return {
    id: randomUUID(),
    fingerprint: JSON.stringify([kept, runnable, secrets?.digest]),
    deployment: stored,
    folder: runnable.folder,
    env: found,
    secretsFolder: folder,
    stopGraceMs: stopGraceMs(env) + LAST_STEPS_MS,
  };
}

function withSecrets(
  env: Readonly<Record<string, string>>,
  { folder, from }: { readonly folder: string; readonly from: string },
): Record<string, string> {
  // A command is split at blanks: where there are some in the path, the one from the function's folder may have none.
  const inCommand = folder.includes(' ') ? relative(from, folder) : folder;
  const moved = Object.entries(env).map(([key, value]) => [
    key,
    // As a function: a path may hold what would be a pattern's `$&`.
    value.replace(SECRETS_PATH, () => (COMMAND_KEYS.has(key) ? inCommand : folder)),
  ]);
  return { ...Object.fromEntries(moved), [SECRETS_KEY]: folder };
}
