import { BadMessage } from '../http1/bad-message.ts';
import type { BodySink, Exchange } from '../http1/types.ts';

/** A body up to this size is read whole before its process starts; of a longer one the rest is streamed. */
export const WHOLE_BODY_BYTES = 1_048_576;

/** Where the rest of a long body goes. */
export interface BodyRest {
  /** Undefined: taken. A promise: nothing more until it is settled. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  end(): void;
}

export interface BodyReader {
  /** The whole body is here. */
  onWhole(body: Buffer): void;
  /** The body is longer than `limitBytes`; `first` is what came so far. Undefined: the rest is thrown away. */
  onLong(first: Buffer): BodyRest | undefined;
  onFailed(cause: Error): void;
}

export interface BodyLimits {
  /** Longest body that is read whole. */
  readonly bytes: number;
  /** Longest time until it is whole, or long; 0: none. Nothing runs yet that has a time limit of its own. */
  readonly ms: number;
}

/** Reads a request body, whole when it is short. */
export function readRequestBody(exchange: Exchange, limits: BodyLimits, reader: BodyReader): void {
  if (exchange.request.contentLength === 0) {
    reader.onWhole(Buffer.alloc(0));
    return;
  }
  let pieces: Uint8Array[] = [];
  let length = 0;
  let rest: BodyRest | undefined;
  let isLong = false;
  let isLate = false;
  const timer =
    limits.ms === 0
      ? undefined
      : setTimeout(() => {
          isLate = true;
          pieces = [];
          reader.onFailed(new BadMessage(408, `the request body was not here within ${limits.ms / 1000}s`));
        }, limits.ms);
  const pass = (bytes: Uint8Array): boolean => {
    const wait = rest?.write(bytes);
    if (wait === undefined) return true;
    void wait.then(() => exchange.resumeBody());
    return false;
  };
  const sink: BodySink = {
    write(bytes) {
      if (isLong) return pass(bytes);
      if (isLate) return true;
      pieces.push(bytes);
      length += bytes.length;
      if (length <= limits.bytes) return true;
      isLong = true;
      clearTimeout(timer);
      const first = Buffer.concat(pieces);
      pieces = [];
      rest = reader.onLong(first);
      return pass(first);
    },
    end() {
      clearTimeout(timer);
      if (isLong) rest?.end();
      else if (!isLate) reader.onWhole(Buffer.concat(pieces));
    },
    abort(cause) {
      clearTimeout(timer);
      if (!isLate) reader.onFailed(cause);
    },
  };
  exchange.readBody(sink);
}
