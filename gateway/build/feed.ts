import type { Readable } from 'node:stream';
import { FaasError } from '../errors.ts';

/** What bytes can be written to: a stream of Node's, or one of a tar's. */
export interface Sink {
  write(chunk: Buffer): boolean;
  end(rest?: null): unknown;
  destroy(error?: Error): unknown;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/**
 * Passes a request's bytes on, no faster than they are taken. On an error the source is left as it is, paused: a destroyed
 * request could not be answered. What is wrong with the sink is told by who reads it.
 * @param options.open the sink, once the first bytes are here; empty for a body without any
 * @throws {FaasError} `body_too_large`, `invalid_request` (it broke off); or the signal's reason
 */
export function feed(
  source: Readable,
  options: {
    readonly open: (head: Buffer) => Sink;
    readonly limitBytes: number;
    readonly signal: AbortSignal;
    readonly onBytes?: (chunk: Buffer) => void;
  },
): Promise<void> {
  const { open, limitBytes, signal, onBytes } = options;
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let sink: Sink | undefined;
    const finish = (error?: Error): void => {
      source.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      sink?.off('drain', onDrain);
      sink?.off('close', onTaken);
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) {
        resolve();
        return;
      }
      source.pause();
      (sink ?? open(Buffer.alloc(0))).destroy(error);
      reject(error);
    };
    const opened = (head: Buffer): Sink => {
      if (sink !== undefined) return sink;
      sink = open(head);
      sink.on('drain', onDrain);
      sink.on('close', onTaken);
      sink.on('error', () => {});
      return sink;
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > limitBytes) {
        finish(tooLarge(limitBytes));
        return;
      }
      onBytes?.(chunk);
      if (!opened(chunk).write(chunk)) source.pause();
    };
    const onDrain = (): void => void source.resume();
    const onEnd = (): void => {
      opened(Buffer.alloc(0)).end(null);
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
    source.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

export function tooLarge(limitBytes: number): FaasError {
  return new FaasError(
    'body_too_large',
    `the build request is larger than ${limitBytes} bytes: leave out what is not built from`,
  );
}
