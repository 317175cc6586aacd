import type { Call } from './call.ts';

/** One call, for the log: never a body, a query or the value of a header but the call id's. */
export interface InvocationRecord {
  readonly callId: string;
  /** `name.namespace`; of a function that is not deployed, its name as it was called. */
  readonly key: string;
  readonly method: string;
  /** As the function sees it, without the query. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  /** Address of the replica that it was sent to last, if any. */
  readonly replica?: string;
  readonly error?: string;
  /** It was to be accepted, and run later. */
  readonly isAsync?: true;
}

/** Clients choose how long a method, a path or a call id is. */
const LONGEST = 300;
/** May quote what a client has sent, too. */
const LONGEST_ERROR = 500;

export function toRecord(call: Call, key: string, status: number, durationMs: number): InvocationRecord {
  const { exchange, replica, error } = call;
  const query = call.rest.indexOf('?');
  return {
    callId: call.id.slice(0, LONGEST),
    key: key.slice(0, LONGEST),
    method: exchange.request.method.slice(0, LONGEST),
    path: call.rest.slice(0, query === -1 ? LONGEST : Math.min(query, LONGEST)),
    status,
    durationMs,
    ...(replica !== undefined && { replica: replica.address }),
    ...(error !== undefined && { error: error.slice(0, LONGEST_ERROR) }),
  };
}
