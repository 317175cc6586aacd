// What every queue does alike with a call that it is to accept.

import { createHash } from 'node:crypto';
import { FaasError } from '../errors.ts';
import type { CallStep } from './call.ts';
import type { FirstPlace } from './call-id.ts';
import type { NewCall } from './call-queue.ts';
import { storedCallBytes } from './stored-call.ts';
import { MOST_CALL_BYTES } from './stored-size.ts';

/** What a stored call has beside what it comes with, at its longest: id, twice, instance, revision, attempt, time. */
const GROWTH_BYTES = 512;
const LATER_SECONDS = 5;

/** @throws {Error} when there is none */
export function firstStep({ steps: [first] }: NewCall): CallStep {
  if (first === undefined) throw new Error('a call without a step');
  return first;
}

export function firstPlaceOf({ runAt }: NewCall): FirstPlace {
  return runAt === undefined ? 'queue' : 'later';
}

/**
 * Whether a call has room for what is told of it later. One without a chain has, if its path and headers have been found short enough.
 * @throws {FaasError} `invalid_request`
 */
export function checkLength(call: NewCall): void {
  if (call.steps.length === 1) return;
  const bytes = storedCallBytes(call) + GROWTH_BYTES;
  if (bytes <= MOST_CALL_BYTES) return;
  throw new FaasError(
    'invalid_request',
    `path, headers and the ${call.steps.length} functions of the chain, with their retry annotations, take ${bytes} bytes as they are stored: they may take ${MOST_CALL_BYTES}`,
  );
}

/** Of the one call that an id stands for. */
export function onlyInstanceOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}

/** Under which an idempotency key is remembered: each function has its own. */
export function keyTextOf(key: string, { steps }: NewCall): string {
  return `${steps[0]?.function ?? ''} ${key}`;
}

/** What must be the same where a call is sent again. Of a body in the store of bodies its length must do. */
export function printOf({ path, steps, callbackUrl, body }: NewCall): string {
  const facts = JSON.stringify([path, callbackUrl, steps.map((step) => step.function)]);
  const hash = createHash('sha256').update(facts);
  return hash.update(body instanceof Uint8Array ? body : `${body.bytes}`).digest('base64url');
}

export function otherCallOfKey(): FaasError {
  return new FaasError(
    'invalid_request',
    'Idempotency-Key: it stands for another call of this function already, with another path, body, callback or chain',
  );
}

export function queueFull(cause?: unknown): FaasError {
  return new FaasError('queue_full', 'the queue is full: try again later', {
    cause,
    retryAfterSeconds: LATER_SECONDS,
  });
}

/** Keys have a room of their own, which is not the queue's. */
export function noRoomForKeys({
  cause,
  retryAfterSeconds,
}: {
  readonly cause?: unknown;
  readonly retryAfterSeconds: number;
}): FaasError {
  const message = 'no more idempotency keys can be remembered now: try again later, or without a key';
  return new FaasError('queue_full', message, { cause, retryAfterSeconds });
}
