import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract, extract, type Header, type Pack, pack } from 'tar-stream';
import { FaasError } from '../errors.ts';
import { type BuildConfig, parseBuildConfig } from './build-config.ts';
import { checkLinkTarget, parseEntryPath } from './entry-path.ts';

const CONFIG_ENTRY = 'com.openfaas.docker.config';
const SECRETS_ENTRY = 'com.openfaas.secrets';
const CONTEXT = 'context';
type Entry = Extract extends AsyncIterable<infer E> ? E : never;

const MOST_CONFIG_BYTES = 1024 * 1024;

export interface BuildLimits {
  /** Largest request in bytes. Default 256 MiB. */
  readonly bytes: number;
  /** Most files, folders and links in it. Default 100000. */
  readonly entries: number;
}

export const DEFAULT_BUILD_LIMITS: BuildLimits = { bytes: 256 * 1024 * 1024, entries: 100_000 };

/** A build request that was read whole and found good. */
export interface ReceivedBuild {
  readonly config: BuildConfig;
  /** File with the context as a tar, `Dockerfile` at its root. */
  readonly contextFile: string;
  /** Removes the file. */
  dispose(): Promise<void>;
}

/**
 * Reads the tar of `POST /build`: `com.openfaas.docker.config` and `context/…`. The context goes to a temporary file as it
 * comes, never whole into memory.
 * @throws {FaasError} `invalid_request` (no tar, a part missing, a path or link that leads out), `body_too_large`
 */
export async function receiveBuild(
  source: Readable,
  limits: BuildLimits,
  signal: AbortSignal,
): Promise<ReceivedBuild> {
  const folder = await mkdtemp(join(tmpdir(), 'skep-build-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const contextFile = join(folder, 'context.tar');
  try {
    const unpacked = extract();
    const context = pack();
    const [fed, read, saved] = await Promise.allSettled([
      feed(source, { into: unpacked, limitBytes: limits.bytes, signal }),
      readEntries(unpacked, context, limits).catch((error: unknown) => {
        // Ends the two others: the one has nowhere to write to, the other nothing to read from.
        unpacked.destroy();
        context.destroy();
        throw error;
      }),
      pipeline(context, createWriteStream(contextFile, { mode: 0o600 })),
    ]);
    if (fed.status === 'rejected') throw fed.reason;
    if (saved.status === 'rejected' && !isEndedEarly(saved.reason)) throw notSaved(saved.reason);
    if (read.status === 'rejected') throw read.reason instanceof FaasError ? read.reason : noTar(read.reason);
    return { config: read.value, contextFile, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Passes the request's bytes on, no faster than they are taken. On an error the source is left as it is, paused: a
 * destroyed request could not be answered.
 */
function feed(
  source: Readable,
  options: { readonly into: Extract; readonly limitBytes: number; readonly signal: AbortSignal },
): Promise<void> {
  const { into, limitBytes, signal } = options;
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const finish = (error?: Error): void => {
      source.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      into.off('drain', onDrain).off('close', onTaken);
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) {
        resolve();
        return;
      }
      source.pause();
      into.destroy(error);
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > limitBytes) {
        const limit = `${limitBytes} bytes`;
        finish(
          new FaasError(
            'body_too_large',
            `the build request is larger than ${limit}: leave out what is not built from`,
          ),
        );
      } else if (!into.write(chunk)) source.pause();
    };
    const onDrain = (): void => void source.resume();
    const onEnd = (): void => {
      into.end(null);
      finish();
    };
    const onGone = (): void =>
      finish(new FaasError('invalid_request', 'the build request broke off before its end'));
    const onTaken = (): void => {
      source.pause();
      finish();
    };
    const onAbort = (): void => finish(toError(signal.reason));
    if (signal.aborted) return onAbort();
    if (source.destroyed) return onGone();
    signal.addEventListener('abort', onAbort, { once: true });
    into.on('drain', onDrain).on('close', onTaken);
    // What went wrong with the tar is told by its reader.
    into.on('error', () => {});
    source.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

async function readEntries(unpacked: Extract, context: Pack, limits: BuildLimits): Promise<BuildConfig> {
  let config: BuildConfig | undefined;
  let hasDockerfile = false;
  let count = 0;
  for await (const entry of unpacked) {
    count++;
    if (count > limits.entries) {
      throw new FaasError('body_too_large', `the build request has more than ${limits.entries} entries`);
    }
    const path = parseEntryPath(entry.header.name);
    if (path === CONFIG_ENTRY) {
      config = parseBuildConfig(await readText(entry));
    } else if (path.startsWith(`${CONTEXT}/`)) {
      const inContext = path.slice(CONTEXT.length + 1);
      hasDockerfile ||= inContext === 'Dockerfile' && isFile(entry.header);
      await copyEntry(entry, toContextHeader(entry.header, inContext), context);
    } else if (entry.header.type === 'directory' && (path === '' || path === CONTEXT)) {
      entry.resume();
    } else {
      throw unknownEntry(path);
    }
  }
  if (config === undefined) {
    throw new FaasError(
      'invalid_request',
      `the tar has no entry ${CONFIG_ENTRY}: it tells the image to build`,
    );
  }
  if (!hasDockerfile) throw new FaasError('invalid_request', 'the tar has no file context/Dockerfile');
  context.finalize();
  return config;
}

/** The entry as it goes to the engine: nothing of the sender's users, and no second spelling of its path. */
function toContextHeader(header: Header, path: string): Partial<Header> & { readonly name: string } {
  const { mode, mtime, size, type, linkname } = header;
  const common = { name: path, mode, mtime };
  if (isFile(header)) return { ...common, type: 'file', size };
  if (type === 'directory') return { ...common, type };
  if (type === 'symlink') {
    checkLinkTarget(path, linkname);
    return { ...common, type, linkname: linkname };
  }
  if (type === 'link') {
    const target = parseEntryPath(linkname);
    if (!target.startsWith(`${CONTEXT}/`)) checkLinkTarget(path, `/${target}`);
    return { ...common, type, linkname: target.slice(CONTEXT.length + 1) };
  }
  throw new FaasError(
    'invalid_request',
    `context/${path} is neither file, folder nor link (${type}): leave it out of the build context`,
  );
}

async function copyEntry(
  entry: Entry,
  header: ReturnType<typeof toContextHeader>,
  context: Pack,
): Promise<void> {
  const { promise: written, resolve, reject } = Promise.withResolvers<void>();
  const sink = context.entry(header, (error) => (error ? reject(error) : resolve()));
  sink.on('error', reject);
  for await (const chunk of entry) {
    if (!sink.write(chunk)) await Promise.race([once(sink, 'drain'), written]);
  }
  sink.end(null);
  await written;
}

async function readText(entry: Entry): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_CONFIG_BYTES) {
      throw new FaasError('body_too_large', `${CONFIG_ENTRY} is larger than ${MOST_CONFIG_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isFile({ type }: Header): boolean {
  return type === 'file' || type === 'contiguous-file';
}

function unknownEntry(path: string): FaasError {
  const reason =
    path === SECRETS_ENTRY
      ? 'build secrets need BuildKit, which this builder does not use: leave them out'
      : `expected ${CONFIG_ENTRY} and ${CONTEXT}/…`;
  return new FaasError('invalid_request', `the tar has an entry ${JSON.stringify(path)}: ${reason}`);
}

function noTar(cause: unknown): FaasError {
  return new FaasError(
    'invalid_request',
    `the body is not a whole, uncompressed tar: ${toError(cause).message}`,
    {
      cause,
    },
  );
}

function notSaved(cause: unknown): FaasError {
  return new FaasError(
    'provider_unavailable',
    `the gateway could not keep the build context in ${tmpdir()}: ${toError(cause).message}`,
    { cause },
  );
}

function isEndedEarly(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
