import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isSignedBy, parseSignature, startSignature } from '../../contract/build-signature.ts';
import { ContractError } from '../../contract/contract-error.ts';
import { FaasError } from '../errors.ts';
import { feed, toError } from './feed.ts';

/** A body that is whole and was signed by somebody with the payload secret. */
export interface SignedRequest {
  /** Its bytes. */
  read(): Readable;
  /** Removes what is kept of it, and ends who reads it. */
  dispose(): Promise<void>;
}

/**
 * Takes a signed body. Until its signature is proved right, nothing is done with it but that it is counted, hashed and kept in a
 * file: no part of it is read.
 * @throws {FaasError} `invalid_signature`, `body_too_large`, `invalid_request` (it broke off); or the signal's reason
 */
export async function receiveSigned(
  source: Readable,
  options: {
    readonly signature: Buffer;
    readonly secret: string;
    readonly limitBytes: number;
    readonly signal: AbortSignal;
    readonly onBytes?: (bytes: number) => void;
  },
): Promise<SignedRequest> {
  const { secret, limitBytes, signature } = options;
  const folder = await mkdtemp(join(tmpdir(), 'skep-build-'));
  const path = join(folder, 'request.tar');
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const hash = startSignature(secret);
    const file = createWriteStream(path, { mode: 0o600 });
    let writing: Error | undefined;
    file.once('error', (error) => {
      writing = error;
    });
    const closed = once(file, 'close').catch(() => {}); // why is told by `writing`
    await feed(source, {
      open: () => file,
      limitBytes,
      signal: options.signal,
      onBytes: (chunk) => {
        options.onBytes?.(chunk.length);
        hash.update(chunk);
      },
    });
    await closed;
    if (writing !== undefined) throw notKept(writing);
    if (!isSignedBy(signature, hash.digest())) {
      throw new FaasError(
        'invalid_signature',
        'the signature is not that of this body with the payload secret of this gateway',
      );
    }
    const readers: Readable[] = [];
    return {
      read: () => {
        const reader = createReadStream(path);
        // Who reads it meets the error; without a listener it would end the process when nobody reads it.
        reader.on('error', () => {});
        readers.push(reader);
        return reader;
      },
      dispose: async () => {
        for (const reader of readers) reader.destroy();
        await dispose();
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * @param header value of `X-Build-Signature`
 * @throws {FaasError} `invalid_signature`
 */
export function signatureOf(header: string): Buffer {
  try {
    return parseSignature(header);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new FaasError('invalid_signature', error.message, { cause: error });
  }
}

/** What the gateway's own disk does not take. */
export function notKept(cause: unknown): FaasError {
  return new FaasError(
    'provider_unavailable',
    `the gateway could not keep the build request in ${tmpdir()}: ${toError(cause).message}`,
    { cause },
  );
}
