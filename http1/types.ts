// The vocabulary of http1/: what a listener hands out, what a relay takes. Bytes are read as latin1, so that
// every byte of a header survives a round trip through a string.

/** Header fields as they came: order, spelling and repetition kept. `[name, value, name, value, …]` */
export type RawHeaders = readonly string[];

export interface RequestHead {
  /** As sent, e.g. `GET`; methods are case-sensitive. */
  readonly method: string;
  /** The request target exactly as it came, e.g. `/function/echo?x=1`. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly headers: RawHeaders;
  /** Length of the body in bytes; -1 when chunked; 0 when there is none. */
  readonly contentLength: number;
}

export interface ResponseHead {
  readonly status: number;
  /** Absent: the standard phrase. */
  readonly reason?: string;
  readonly headers: RawHeaders;
}

/** A received response head, before anything of it was passed on. */
export interface UpstreamResponseHead extends ResponseHead {
  readonly version: '1.0' | '1.1';
  /** Bytes; -1 when chunked or ended by close. */
  readonly contentLength: number;
  /** Whether the upstream takes another request on this connection. */
  readonly keepAlive: boolean;
}

/** Where body bytes go. `write` returns false when the sink is full: the source then waits for `resume()`. */
export interface BodySink {
  write(bytes: Uint8Array): boolean;
  /** `write` of a part of `bytes`, for sinks that need no view of it. */
  writeRange?(bytes: Uint8Array, start: number, end: number): boolean;
  /** `trailers`: fields that came after a chunked body, `[name, value, …]`; a sink may ignore them. */
  end(trailers?: RawHeaders): void;
  /** The body can not be completed: the client left, lied about its length, or was too slow. */
  abort(cause: Error): void;
}

/** One request on a listener's connection, and the one answer it gets. */
export interface Exchange {
  readonly request: RequestHead;
  /** `ip:port` of the client. */
  readonly remoteAddress: string;
  /** First value of a request header, found without regard to case; undefined when absent. */
  header(lowerCaseName: string): string | undefined;
  /** Replaces a request header, all its values, for whoever reads or passes on the request from now on. */
  setRequestHeader(name: string, value: string): void;
  /** Starts the request body flowing into `sink`; to be called at most once. An unread body is discarded when the answer ends. */
  readBody(sink: BodySink): void;
  /** Lets the body flow on after the sink's `write` returned false. */
  resumeBody(): void;
  /** Called once when the client goes away before the answer was completed; at once if it has gone already. */
  onClientGone(listener: () => void): void;
  /** Whether a byte of an answer (other than a 1xx) was written. */
  readonly isAnswered: boolean;
  /** Writes a whole answer; `content-length` is added. */
  respond(head: ResponseHead, body?: Uint8Array | string): void;
  /**
   * Begins a streamed answer: framed by a `content-length` among the headers, chunked otherwise (by close for HTTP/1.0).
   * `onDrain` is called when `write` returned false and more can be taken. `abort` closes the connection, so that the
   * client sees the answer is incomplete.
   */
  startResponse(head: ResponseHead, onDrain?: () => void): BodySink;
  /** Called once when the answer has been written whole (or the client has gone): for logs, metrics and drains. */
  onFinished(listener: () => void): void;
}

export interface ListenLimits {
  /** Most connections at a time; those beyond it are answered 503 unread and closed. Default: no limit. */
  readonly connections: number;
  /** Largest request head in bytes; beyond it 431. Default 65536. */
  readonly headBytes: number;
  /** Most header fields; beyond it 431. Default 128. */
  readonly headerCount: number;
  /** Longest wait for a whole head once its first byte came; beyond it 408. Default 10000. */
  readonly headTimeoutMs: number;
  /** Longest silence on a kept-alive connection between requests; then closed. Default 120000. */
  readonly idleTimeoutMs: number;
  /** Longest silence inside a request body; beyond it 408 and close. Default 60000. */
  readonly bodyTimeoutMs: number;
  /** Longest wait for a client that does not read what is written to it. Default 60000. */
  readonly writeTimeoutMs: number;
}

export interface ListenOptions {
  readonly hostname?: string;
  /** 0 picks a free port. */
  readonly port?: number;
  /** Other processes of this user may listen on the same port, and each gets its part of the connections. Default false. */
  readonly reusePort?: boolean;
  /** Path of a Unix socket, in place of hostname and port. */
  readonly unix?: string;
  readonly limits?: Partial<ListenLimits>;
  /** Headers added to answers the listener writes by itself (400, 408, 431…): `[name, value, …]` */
  readonly errorHeaders?: RawHeaders;
  /** Tell clients how long an idle connection is kept (`Keep-Alive: timeout=…`), so that a relay reuses it that long. Default false. */
  readonly announceIdleTimeout?: boolean;
  /** Must answer every exchange exactly once; an exception is answered 500 when nothing was written yet. */
  readonly onExchange: (exchange: Exchange) => void;
}

export interface Listener {
  readonly port: number;
  /** Open connections. */
  readonly connections: number;
  /** Connections too many that were refused so far. */
  readonly refusedConnections: number;
  /** Exchanges accepted and not finished. */
  readonly inFlight: number;
  /**
   * Answers everything with `Connection: close` from now on, stops accepting after `servesOnMs` (default: at once), then closes idle
   * connections and waits for what is in flight; a connection that has just been made is heard for a second.
   * Resolves with the number of exchanges cut off: 0 when all finished within `withinMs` of the last connection taken.
   */
  drain(withinMs: number, servesOnMs?: number): Promise<number>;
  /** Closes everything at once. */
  close(): void;
}

export type UpstreamAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly unix: string };

export interface PoolOptions {
  /** Default 1000. */
  readonly connectTimeoutMs?: number;
  /** An idle connection is dropped after this long, or 2 s before the end of the upstream's `Keep-Alive: timeout`. Default 5000. */
  readonly idleTimeoutMs?: number;
  /** Largest response head. Default 262144. */
  readonly headBytes?: number;
}

/** Kept-alive connections by address. One pool serves a whole process. */
export interface UpstreamPool {
  /** Idle and busy connections now open. */
  readonly connections: number;
  /** Closes idle connections to an address that is gone; busy ones finish. */
  forget(address: UpstreamAddress): void;
  close(): void;
}

/** Where the bytes of a head go. */
export interface HeadOut {
  text(latin1: string): void;
  range(bytes: Uint8Array, start: number, end: number): void;
}

/**
 * Writes field lines into heads, without a string for each of them. Each is whole, with its CR LF, and made of constants, by
 * `fieldLine`, or of values that came in a head: nobody checks them again. None of them says anything of framing. Must not throw.
 */
export interface OwnFields {
  /** Whether `Host` is among the request's: the client's own is not passed on then. */
  readonly setsHost: boolean;
  writeRequestFields(out: HeadOut): void;
  writeResponseFields(out: HeadOut): void;
}

export interface RelayOptions {
  readonly pool: UpstreamPool;
  readonly address: UpstreamAddress;
  /** Request target sent upstream. */
  readonly target: string;
  /** Lower-case names of request headers not passed on, beyond the hop-by-hop ones, which never are. */
  readonly dropRequestHeaders?: ReadonlySet<string>;
  /** Request headers added: `[name, value, …]`. `Host` is passed on as it came unless given here. */
  readonly addRequestHeaders?: RawHeaders;
  /** Request and response headers added by who writes them itself. */
  readonly ownFields?: OwnFields;
  /** Lower-case names of response headers not passed on, beyond the hop-by-hop ones. */
  readonly dropResponseHeaders?: ReadonlySet<string>;
  /** Response headers added: `[name, value, …]`, or what makes them of the answer's head (once, also of a 101) before it is passed on. */
  readonly addResponseHeaders?: RawHeaders | ((head: UpstreamResponseHead) => RawHeaders);
  /** Whether this response may go to the client. Default: yes. Refused: nothing is written and the outcome is `declined`. */
  readonly acceptResponse?: (head: UpstreamResponseHead) => boolean;
  /** Limit on the whole call, from its start to the last byte; 0 or absent: none. Upgraded connections are exempt. */
  readonly timeoutMs?: number;
  /** `Upgrade` requests are tunnelled after the upstream's 101. Default true. */
  readonly allowUpgrade?: boolean;
}

/**
 * How a relay ended. The relay writes the upstream's answer to the exchange; it never writes an answer of its own, so
 * when `answered` is false (or the kind is `not_delivered` or `declined`) the caller still owes the client one.
 */
export type RelayOutcome =
  | { readonly kind: 'completed'; readonly status: number }
  /** No byte of the request was written to the upstream and none of its body was read: it may be tried elsewhere. */
  | { readonly kind: 'not_delivered'; readonly cause: Error }
  | { readonly kind: 'declined'; readonly status: number }
  /** The request may have reached the upstream. `answered`: part of the answer reached the client, whose connection was cut. */
  | { readonly kind: 'failed'; readonly cause: Error; readonly answered: boolean; readonly status: number }
  | { readonly kind: 'timed_out'; readonly answered: boolean; readonly status: number }
  | { readonly kind: 'client_gone'; readonly status: number }
  /** A 101 was passed on and the tunnel has since ended. */
  | { readonly kind: 'upgraded' };
