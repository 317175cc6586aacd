import type { Exchange } from '../../http1/types.ts';

/** What is told of a traced call when it is over. */
export interface TracedCall {
  /** `name.namespace` */
  readonly key: string;
  readonly callId: string;
  readonly method: string;
  /** As the function sees it, with the query. */
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** 499 when the client left before it was answered. */
  readonly status: number;
  /** Where it was sent last, if anywhere. */
  readonly replica: string | undefined;
  readonly error: string | undefined;
}

/** One call's part in its trace. */
export interface CallSpan {
  /** Field lines for the function, in place of the client's `traceparent`. */
  readonly requestLines: string;
  /** The client's trace could not be read: its `tracestate` belongs to no trace. */
  readonly dropsState: boolean;
  end(call: TracedCall): void;
}

/** Takes calls into traces. Without one, the headers of a trace are passed on as they come. */
export interface CallTracer {
  /** @returns undefined: the headers go on as they are */
  begin(exchange: Exchange): CallSpan | undefined;
}
