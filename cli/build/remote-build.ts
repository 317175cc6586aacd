import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pack } from 'tar-stream';
import type { BuildProgress } from '../../contract/function-types.ts';
import { SECRETS_ENTRY, sealSecrets } from '../../contract/sealed-secrets.ts';
import { CliError, fileError, messageOf } from '../errors.ts';
import { listFolder, readEntry } from '../folder-files.ts';
import { unreachable } from '../gateway-client.ts';
import { BUILD_TIMEOUT_MS, type RemoteBuilder } from './remote-builder.ts';

const MOST_TRIES_WHILE_BUSY = 30;

export interface RemoteBuild {
  readonly image: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly skipPush: boolean;
  /** e.g. `["linux/amd64"]`; empty: the builder's own. */
  readonly platforms: readonly string[];
  /** Id to absolute path; sealed before they are sent. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The assembled build folder. */
  readonly folder: string;
  readonly onLine: (line: string) => void;
}

/**
 * Builds elsewhere; resolves once that said that the image is made.
 * @throws {CliError} when the build failed, was refused, or its outcome stayed unknown
 */
export async function buildRemotely(builder: RemoteBuilder, build: RemoteBuild): Promise<void> {
  const body = await buildTar(build, await sealedSecrets(builder, build.secrets));
  for (let attempt = 1; ; attempt += 1) {
    const response = await builder.send(body);
    if (response.status === 429 && attempt < MOST_TRIES_WHILE_BUSY) {
      const seconds = Number(response.headers.get('retry-after'));
      build.onLine('The gateway is building something else: waiting for it.');
      await response.text();
      await sleep(1000 * (seconds > 0 && seconds <= 60 ? seconds : 10));
      continue;
    }
    if (response.status === 401) throw builder.refused();
    if (response.status !== 200 && response.status !== 202) {
      throw new CliError(
        `the gateway refused the build: ${response.status} - ${(await response.text()).trim()}`,
      );
    }
    if (!response.body) throw new CliError('the gateway answered nothing about the build');
    try {
      await followProgress(Readable.from(response.body), build.onLine);
    } catch (error) {
      throw error instanceof CliError ? error : unreachable(builder.url, BUILD_TIMEOUT_MS, error);
    }
    return;
  }
}

async function sealedSecrets(
  builder: RemoteBuilder,
  secrets: RemoteBuild['secrets'],
): Promise<string | undefined> {
  const entries = Object.entries(secrets);
  if (entries.length === 0) return undefined;
  const values = await Promise.all(
    entries.map(async ([id, path]): Promise<[string, Buffer]> => {
      const value = await readFile(resolve(path)).catch((error: unknown) => {
        throw fileError(`read the build secret ${id} in`, path, error);
      });
      return [id, value];
    }),
  );
  try {
    return sealSecrets(await builder.publicKey(), Object.fromEntries(values));
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(messageOf(error), { cause: error });
  }
}

/** Tar with the configuration and the context, as the OpenFaaS builder takes it. */
async function buildTar(
  { image, buildArgs, skipPush, platforms, folder }: RemoteBuild,
  sealed?: string,
): Promise<Buffer> {
  const tar = pack();
  const filled = Object.fromEntries(Object.entries(buildArgs).filter(([, value]) => value !== ''));
  const config = {
    image,
    buildArgs: filled,
    ...(platforms.length > 0 && { platforms }),
    ...(skipPush && { skipPush }),
  };
  tar.entry({ name: 'com.openfaas.docker.config', mode: 0o664 }, JSON.stringify(config));
  if (sealed !== undefined) tar.entry({ name: SECRETS_ENTRY, mode: 0o600 }, sealed);
  for (const entry of await listFolder(folder)) {
    const name = `context/${entry.path}`;
    if (entry.kind === 'folder') tar.entry({ name, type: 'directory', mode: entry.mode });
    else tar.entry({ name, mode: entry.mode }, Buffer.from(await readEntry(folder, entry)));
  }
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

async function followProgress(lines: Readable, onLine: (line: string) => void): Promise<void> {
  let last: Partial<BuildProgress> = {};
  for await (const line of createInterface({ input: lines })) {
    if (line.trim() === '') continue;
    last = parseProgress(line);
    for (const entry of last.log ?? []) onLine(entry);
  }
  if (last.status === 'success') return;
  throw new CliError(
    last.status === undefined || last.status === 'in_progress'
      ? 'the connection ended before the build was over: whether it succeeded is unknown'
      : `the build failed: ${last.error || 'see the lines above'}`,
  );
}

function parseProgress(line: string): Partial<BuildProgress> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // told below, with everything else that is no progress
  }
  if (typeof value !== 'object' || value === null || !('status' in value)) {
    throw new CliError(`the gateway sent a line that is no build progress: ${line.slice(0, 200)}`);
  }
  const progress = value as Partial<BuildProgress>;
  return Array.isArray(progress.log) ? progress : { ...progress, log: [] };
}
