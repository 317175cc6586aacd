import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract, type Header, type Pack, pack } from 'tar-stream';
import { SECRETS_ENTRY } from '../../contract/sealed-secrets.ts';
import { FaasError } from '../errors.ts';
import { type BuildConfig, parseBuildConfig } from './build-config.ts';
import { ContextEntries } from './context-entries.ts';
import { parseEntryPath, quoted } from './entry-path.ts';
import { feed, toError } from './feed.ts';
import { notKept } from './signed-request.ts';
import { startUnpacking, tooMuch } from './unpack.ts';

const CONFIG_ENTRY = 'com.openfaas.docker.config';
const CONTEXT = 'context';
type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** Of the configuration, and of the sealed secrets. */
const MOST_TEXT_BYTES = 1024 * 1024;
/** Of all names and targets of links: they are kept in memory while the request comes in. */
const MOST_NAME_BYTES = 16 * 1024 * 1024;
/** A header, and up to a block of nothing behind the content. */
const ENTRY_OVERHEAD_BYTES = 1024;

export interface BuildLimits {
  /** Largest request as it comes. Default 256 MiB. */
  readonly bytes: number;
  /** Most that it may unpack to. Default 1 GiB. */
  readonly unpackedBytes: number;
  /** Largest file in it. Default 512 MiB. */
  readonly fileBytes: number;
  /** Most files, folders and links in it. Default 100000. */
  readonly entries: number;
}

const MIB = 1024 * 1024;
export const DEFAULT_BUILD_LIMITS: BuildLimits = {
  bytes: 256 * MIB,
  unpackedBytes: 1024 * MIB,
  fileBytes: 512 * MIB,
  entries: 100_000,
};

/** A build request that was read whole and found good. */
export interface ReceivedBuild {
  readonly config: BuildConfig;
  /** As they came, still closed. */
  readonly sealedSecrets?: string;
  /** File with the context as a tar, `Dockerfile` at its root. */
  readonly contextFile: string;
  /** Removes the file. */
  dispose(): Promise<void>;
}

/**
 * Reads the tar of `POST /build`, compressed with gzip or not: `com.openfaas.docker.config`, `context/…` and perhaps
 * `com.openfaas.secrets`. The context goes to a temporary file as it comes, never whole into memory.
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
    const unpacking = startUnpacking(limits.unpackedBytes);
    const context = pack();
    const [fed, read, saved] = await Promise.allSettled([
      feed(source, { open: unpacking.open, limitBytes: limits.bytes, signal }),
      readEntries(unpacking.tar, context, limits).catch((error: unknown) => {
        // Ends the two others: the one has nowhere to write to, the other nothing to read from.
        unpacking.tar.destroy();
        context.destroy();
        throw error;
      }),
      pipeline(context, createWriteStream(contextFile, { mode: 0o600 })),
    ]);
    if (fed.status === 'rejected') throw fed.reason;
    const reason = unpacking.failure ?? (read.status === 'rejected' ? read.reason : undefined);
    if (reason instanceof FaasError) throw reason;
    if (saved.status === 'rejected' && !isEndedEarly(saved.reason)) throw notKept(saved.reason);
    if (read.status === 'rejected') throw noTar(reason);
    return { ...read.value, contextFile, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

type Told = Pick<ReceivedBuild, 'config' | 'sealedSecrets'>;

async function readEntries(unpacked: Extract, context: Pack, limits: BuildLimits): Promise<Told> {
  const entries = new ContextEntries();
  let config: BuildConfig | undefined;
  let sealedSecrets: string | undefined;
  let hasDockerfile = false;
  let count = 0;
  let bytes = 0;
  let nameBytes = 0;
  for await (const entry of unpacked) {
    const path = parseEntryPath(entry.header.name);
    count++;
    bytes += ENTRY_OVERHEAD_BYTES + (entry.header.size ?? 0);
    nameBytes += Buffer.byteLength(path) + Buffer.byteLength(entry.header.linkname ?? '');
    if (count > limits.entries) {
      throw new FaasError('body_too_large', `the build request has more than ${limits.entries} entries`);
    }
    if ((entry.header.size ?? 0) > limits.fileBytes) {
      throw new FaasError('body_too_large', `${quoted(path)} is larger than ${limits.fileBytes} bytes`);
    }
    if (nameBytes > MOST_NAME_BYTES) {
      throw new FaasError(
        'body_too_large',
        `the names of what is in the build request are longer than ${MOST_NAME_BYTES} bytes together`,
      );
    }
    if (bytes + nameBytes > limits.unpackedBytes) throw tooMuch(limits.unpackedBytes);
    if (path === CONFIG_ENTRY) {
      config = parseBuildConfig(await readText(entry, path));
    } else if (path === SECRETS_ENTRY) {
      sealedSecrets = await readText(entry, path);
    } else if (path.startsWith(`${CONTEXT}/`)) {
      const inContext = path.slice(CONTEXT.length + 1);
      hasDockerfile ||= inContext === 'Dockerfile' && isFile(entry.header);
      await copyEntry(entry, toContextHeader(entry.header, inContext, entries), context);
    } else if (entry.header.type === 'directory' && (path === '' || path === CONTEXT)) {
      entry.resume();
    } else {
      throw new FaasError(
        'invalid_request',
        `the tar has an entry ${quoted(path)}: expected ${CONFIG_ENTRY} and ${CONTEXT}/…`,
      );
    }
  }
  if (config === undefined) {
    throw new FaasError(
      'invalid_request',
      `the tar has no entry ${CONFIG_ENTRY}: it tells the image to build`,
    );
  }
  if (!hasDockerfile) throw new FaasError('invalid_request', 'the tar has no file context/Dockerfile');
  entries.checkLinks();
  context.finalize();
  return { config, ...(sealedSecrets !== undefined && { sealedSecrets }) };
}

/** The entry as it goes to the engine: nothing of the sender's users, and no second spelling of its path. */
function toContextHeader(
  header: Header,
  path: string,
  entries: ContextEntries,
): Partial<Header> & { readonly name: string } {
  const { mode, mtime, size = 0, type } = header;
  // tar-stream has null for an empty one.
  const linkname = header.linkname ?? '';
  const common = { name: path, mode, mtime };
  if (isFile(header)) {
    entries.addFile(path);
    return { ...common, type: 'file', size };
  }
  if (type === 'directory') {
    entries.addFolder(path);
    return { ...common, type };
  }
  if ((type === 'symlink' || type === 'link') && size > 0) {
    throw new FaasError('invalid_request', `${quoted(`context/${path}`)} is a link that has content`);
  }
  if (type === 'symlink') {
    entries.addLink(path, linkname);
    return { ...common, type, linkname };
  }
  if (type === 'link') return { ...common, type, linkname: entries.addHardLink(path, linkname) };
  throw new FaasError(
    'invalid_request',
    `${quoted(`context/${path}`)} is neither file, folder nor link (${type}): leave it out of the build context`,
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

async function readText(entry: Entry, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_TEXT_BYTES) {
      throw new FaasError('body_too_large', `${path} is larger than ${MOST_TEXT_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isFile({ type }: Header): boolean {
  return type === 'file' || type === 'contiguous-file';
}

function noTar(cause: unknown): FaasError {
  return new FaasError(
    'invalid_request',
    `the body is not a whole tar, plain or with gzip: ${toError(cause).message}`,
    {
      cause,
    },
  );
}

function isEndedEarly(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
}
