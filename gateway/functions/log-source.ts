import type { FunctionRef } from '../../contract/function-ref.ts';

/** Which lines of a function's log are wanted. */
export interface LogRequest {
  readonly ref: FunctionRef;
  /** At most so many of the newest lines that there are already; undefined: all of them. */
  readonly tail?: number;
  /** RFC 3339; undefined: from the beginning. */
  readonly since?: string;
  /** Go on with new lines once those that are there were told. */
  readonly follow: boolean;
  /** Of this replica alone: a `Replica.id`. */
  readonly instance?: string;
}

/** One line that a function's replica wrote; the contract's spelling. */
export interface LogLine {
  readonly name: string;
  readonly namespace: string;
  /** The replica's id; empty for a line of the cluster itself, which tells what of the log could not be read. */
  readonly instance: string;
  /** RFC 3339, as exact as the cluster knows it. */
  readonly timestamp: string;
  /** Without its line end. */
  readonly text: string;
}

/** Where functions' logs are read: plain data, and pulled, so that a reader who waits makes the source wait. */
export interface LogSource {
  /**
   * Resolves once the function is known and its log was opened. The lines end when all were told, with `follow` when the
   * function was removed; when `signal` aborts they end quietly and everything is freed. Iterating throws
   * `provider_unavailable` when the log breaks off.
   * @throws {FaasError} `function_not_found`, `provider_unavailable`
   */
  open(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogLine>>;
}
