import type { FileHandle } from 'node:fs/promises';
import type { Exchange, ResponseHead } from '../../http1/types.ts';
import type { ByteRange } from './ranges.ts';

const CHUNK_BYTES = 131_072;

/** Text, or bytes of the file. */
export type Part = string | ByteRange;

export function lengthOf(parts: readonly Part[]): number {
  return parts.reduce(
    (sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : part.to - part.from),
    0,
  );
}

/**
 * Answers with the parts one after the other, and reads no faster than the client does. A file that turns out shorter than it
 * was breaks the answer off. Settled when all is handed over or the client has gone.
 */
export async function sendParts(
  exchange: Exchange,
  head: ResponseHead,
  { handle, parts }: { readonly handle: FileHandle; readonly parts: readonly Part[] },
): Promise<void> {
  let isFinished = false;
  let goOn = (): void => {};
  exchange.onFinished(() => {
    isFinished = true;
    goOn();
  });
  const sink = exchange.startResponse(head, () => goOn());
  const write = (bytes: Uint8Array): Promise<void> | undefined => {
    if (sink.write(bytes) || isFinished) return undefined;
    return new Promise((resolve) => {
      goOn = resolve;
    });
  };
  if (exchange.request.method === 'HEAD') {
    sink.end();
    return;
  }
  try {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, lengthOf(parts)));
    for (const part of parts) {
      if (typeof part === 'string') await write(Buffer.from(part));
      else {
        for (let position = part.from; position < part.to && !isFinished; ) {
          const wanted = Math.min(buffer.length, part.to - position);
          const { bytesRead } = await handle.read(buffer, 0, wanted, position);
          if (bytesRead === 0) throw new Error('the file has become shorter');
          position += bytesRead;
          await write(buffer.subarray(0, bytesRead));
        }
      }
    }
    sink.end();
  } catch (cause) {
    sink.abort(cause as Error);
    throw cause;
  }
}
