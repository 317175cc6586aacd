import type { CallHeaders, ObjectBody, QueuedCall } from './call.ts';
import { keptHeaders } from './kept-headers.ts';
import { MOST_CALL_BYTES, storedBytes } from './stored-size.ts';

/** What is stored of a call beside its body. */
export function callFacts<T extends Partial<QueuedCall>>({
  body,
  ...facts
}: T): Omit<T, 'body'> & { readonly object?: ObjectBody } {
  return body === undefined || body instanceof Uint8Array ? facts : { ...facts, object: body };
}

/** What a call takes beside its body. */
export function storedCallBytes(call: Partial<QueuedCall>): number {
  return storedBytes(callFacts(call));
}

/** The next step of a chain, whose headers are of a function's answer: as many as there is room for. */
export function withKeptHeaders(next: QueuedCall): QueuedCall {
  const others = storedCallBytes({ ...next, headers: [] });
  return { ...next, headers: keptHeaders(next.headers, MOST_CALL_BYTES - others) };
}

/** The function is told its call's id, which nobody knew before the call was stored. */
export function withCallId(headers: CallHeaders, id: string): CallHeaders {
  const isThere = headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'x-call-id');
  return isThere ? headers : [...headers, 'X-Call-Id', id];
}
