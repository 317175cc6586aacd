import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { FaasError } from '../errors.ts';
import type { Sink } from './feed.ts';

/** The first byte of gzip, with which no entry's name begins. */
const GZIP = 0x1f;

export interface Unpacking {
  readonly tar: Extract;
  /** Where the request's bytes go: the tar itself, or what unpacks it, by how the bytes begin. */
  open(head: Buffer): Sink;
  /** What went wrong before the tar: that is the reason, whatever the tar then lacks. */
  readonly failure: Error | undefined;
}

/**
 * A tar as it comes, compressed with gzip or not.
 * @param limitBytes of what is unpacked: the first byte beyond ends it
 */
export function startUnpacking(limitBytes: number): Unpacking {
  const tar = extract();
  // A header for all entries (git archive's holds the commit) would be copied for each: 4 MiB of it, a million times. tar-stream has no
  // setting for it; the test of it fails should it be kept elsewhere.
  Object.defineProperty(tar, '_paxGlobal', { get: () => null, set: () => {} });
  let failure: Error | undefined;
  const openGzip = (): Sink => {
    const gunzip = createGunzip();
    let bytes = 0;
    const fail = (error: Error): void => {
      failure ??= error;
      gunzip.destroy();
      tar.destroy(error);
    };
    gunzip.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limitBytes) fail(tooMuch(limitBytes));
      else if (!tar.write(chunk)) gunzip.pause();
    });
    gunzip.once('end', () => tar.end(null));
    gunzip.once('error', (error: Error) => {
      fail(new FaasError('invalid_request', `the body is no whole gzip: ${error.message}`, { cause: error }));
    });
    tar.on('drain', () => gunzip.resume());
    tar.on('close', () => gunzip.destroy());
    return gunzip;
  };
  return {
    tar,
    open: (head) => (head[0] === GZIP ? openGzip() : tar),
    get failure() {
      return failure;
    },
  };
}

export function tooMuch(limitBytes: number): FaasError {
  return new FaasError(
    'body_too_large',
    `the build request unpacks to more than ${limitBytes} bytes: leave out what is not built from`,
  );
}
