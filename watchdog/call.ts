import type { Exchange } from '../http1/types.ts';

/** One request that counts: what the metrics and the log want to know of it. */
export interface Call {
  readonly exchange: Exchange;
  /** `performance.now()` at its start. */
  readonly startedAt: number;
  /** Status of the answer; 499 until there is one. */
  status: number;
}

/** Runs the function for one call and answers it. */
export type CallHandler = (call: Call) => void;

/** Writes a whole answer and notes its status. Nothing happens when an answer was begun already. */
export function answer(
  call: Call,
  status: number,
  headers: readonly string[],
  body: Uint8Array | string,
): void {
  if (call.exchange.isAnswered) return;
  call.status = status;
  call.exchange.respond({ status, headers }, body);
}
