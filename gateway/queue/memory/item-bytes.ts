import type { QueuedCall } from '../call.ts';
import type { QueuedCallback } from '../callback.ts';
import { callFacts, storedCallBytes, withCallId } from '../stored-call.ts';
import { storedBytes } from '../stored-size.ts';

/** Texts and a body may be parts of something much longer, which would be kept with them. */
export function owned(call: QueuedCall): QueuedCall {
  const { body } = call;
  const { object: _body, ...facts } = JSON.parse(JSON.stringify(callFacts(call))) as Omit<
    QueuedCall,
    'body'
  > & {
    readonly object?: unknown;
  };
  const isPart = body instanceof Uint8Array && body.byteLength < body.buffer.byteLength;
  return {
    ...facts,
    headers: withCallId(facts.headers, call.id),
    body: isPart ? new Uint8Array(body) : body,
  };
}

/** What is counted of it. */
export function bytesOf(call: Partial<QueuedCall>): number {
  const { body } = call;
  return storedCallBytes(call) + (body instanceof Uint8Array ? body.length : 0);
}

export function callbackBytes({ body, ...facts }: QueuedCallback): number {
  return storedBytes(facts) + (body instanceof Uint8Array ? body.length : 0);
}
