/** What a handler is given; the template fills it in. */
export interface FunctionEvent {
  /** text/*: string. JSON and form data: parsed. Anything else, or RAW_BODY=true: Buffer. */
  readonly body: unknown;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Behind the function's name; at least `/`. */
  readonly path: string;
}

/** A list as value is a header sent more than once. */
export type HeaderMap = Record<string, string | number | readonly string[]>;

/** Shapes the answer. `status` and `headers` can be chained. */
export interface FunctionContext {
  status(): number;
  status(code: number): this;
  headers(): HeaderMap;
  headers(map: HeaderMap): this;
  /** Sets the answer; what the handler returns then does not count. */
  succeed(value?: unknown): void;
  /** Answers 500, or the status that was set, with the error's text. */
  fail(error?: unknown): void;
}
