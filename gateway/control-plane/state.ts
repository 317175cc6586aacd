/** What the middleware leaves on `ctx.state` for the routes. */
export interface RequestState {
  /** `X-Call-Id` as it came, or a new one: also in the response and in the log. */
  callId: string;
  /** Aborted when the client goes away before it is answered. */
  signal: AbortSignal;
}
