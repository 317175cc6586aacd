import {
  type Attempt,
  type CallBody,
  type CallHeaders,
  type CallRecord,
  type CallResult,
  currentStep,
  MOST_ATTEMPTS_TOLD,
  type QueuedCall,
} from './call.ts';
import type { QueuedCallback } from './callback.ts';
import type { Settlement } from './settle.ts';

// What becomes of a call's record, and of the call itself, from one attempt to the next. Nothing here is stored or sent.

const MOST_REASON_CHARS = 500;
const NO_ANSWER = 503;
const NOTHING = new Uint8Array(0);

/** What is told of a call that waits for its first attempt. */
export function waitingRecord({
  id,
  instance,
  acceptedAt,
  steps,
  step,
  runAt,
  callbackUrl,
}: Omit<QueuedCall, 'body' | 'headers' | 'path' | 'attempt' | 'revision'>): CallRecord {
  return {
    id,
    instance,
    state: 'queued',
    acceptedAt,
    steps,
    step,
    attempt: 0,
    attempts: [],
    ...(runAt !== undefined && { runAt }),
    ...(callbackUrl !== undefined && { callbackUrl }),
  };
}

/** @param attempts those before */
export function runningRecord(
  call: QueuedCall,
  {
    message,
    nowMs,
    attempts,
  }: { readonly message: number; readonly nowMs: number; readonly attempts: readonly Attempt[] },
): CallRecord {
  return {
    id: call.id,
    instance: call.instance,
    state: 'running',
    acceptedAt: call.acceptedAt,
    steps: call.steps,
    step: call.step,
    attempt: call.attempt,
    message,
    startedAt: nowMs,
    attempts,
    ...(call.callbackUrl !== undefined && { callbackUrl: call.callbackUrl }),
  };
}

/** The record as it was before {@link runningRecord}: the attempt was not made. */
export function unclaimedRecord(running: CallRecord): CallRecord {
  const { startedAt: _notBegun, message: _nobodyHas, ...before } = running;
  return { ...before, state: 'queued', attempt: running.attempt - 1 };
}

export interface EndedAttempt {
  readonly attempt: Attempt;
  readonly settlement: Settlement;
  readonly result?: CallResult | undefined;
  readonly nowMs: number;
  readonly deadLetter?: number | undefined;
}

/** The record after an attempt. It keeps the message, by which whoever is given that again knows that its attempt is over. */
export function settledRecord(running: CallRecord, ended: EndedAttempt): CallRecord {
  const { settlement, result, nowMs, deadLetter } = ended;
  const { startedAt: _over, ...before } = running;
  const base: CallRecord = {
    ...before,
    attempts: [...before.attempts, shortened(ended.attempt)].slice(-MOST_ATTEMPTS_TOLD),
    ...(result !== undefined && { result }),
  };
  switch (settlement.kind) {
    case 'retry':
      return { ...base, state: 'queued', runAt: nowMs + settlement.delayMs };
    case 'succeeded':
      return base.step + 1 < base.steps.length
        ? { ...base, state: 'queued', step: base.step + 1, attempt: 0 }
        : { ...base, state: 'succeeded', endedAt: nowMs };
    case 'failed':
      return {
        ...base,
        state: 'failed',
        endedAt: nowMs,
        reason: `the function answered ${result?.status ?? 0}`,
      };
    case 'dead':
      return {
        ...base,
        state: 'dead',
        endedAt: nowMs,
        reason: settlement.reason.slice(0, MOST_REASON_CHARS),
        ...(deadLetter !== undefined && { deadLetter }),
      };
  }
}

/** What is to be stored because of a settled record. */
export type FollowUp =
  | { readonly kind: 'later'; readonly call: QueuedCall }
  | { readonly kind: 'next'; readonly call: QueuedCall }
  | { readonly kind: 'callback'; readonly callback: QueuedCallback }
  | { readonly kind: 'nothing' };

/**
 * @param call whose attempt is over
 * @param settled its record after that
 * @param revision of the record, 0: it has none
 * @param resultBody where the record says that it is kept in the message
 * @param mostRetries of the step
 */
export function followUpOf(
  call: QueuedCall,
  settled: CallRecord,
  {
    revision,
    resultBody,
    mostRetries,
  }: { readonly revision: number; readonly resultBody: Uint8Array; readonly mostRetries: number },
): FollowUp {
  const { state, step, result } = settled;
  if (state === 'queued' && step === call.step) {
    return { kind: 'later', call: { ...call, attempt: call.attempt + 1, runAt: settled.runAt, revision } };
  }
  if (state === 'queued') {
    const body = bodyOf(result, resultBody);
    const headers = nextHeaders(call.headers, result?.headers ?? []);
    return {
      kind: 'next',
      call: { ...call, step, attempt: 1, path: '/', headers, runAt: undefined, revision, body },
    };
  }
  const { callbackUrl } = call;
  if (callbackUrl === undefined || state === 'cancelled' || state === 'running') return { kind: 'nothing' };
  const { function: name, queue } = currentStep(call);
  return {
    kind: 'callback',
    callback: {
      id: call.id,
      instance: call.instance,
      url: callbackUrl,
      function: name,
      // Those that follow were named otherwise.
      calledAs: call.step === 0 ? call.calledAs : undefined,
      queue,
      status: result?.status ?? NO_ANSWER,
      headers: result?.headers ?? [],
      seconds: settled.attempts.at(-1)?.seconds ?? 0,
      retries: call.attempt - 1,
      mostRetries,
      endedAt: settled.endedAt ?? 0,
      attempt: 1,
      body: bodyOf(result, resultBody),
      ...(result?.kept === 'dropped' && { droppedBytes: result.bytes }),
    },
  };
}

function bodyOf(result: CallResult | undefined, inline: Uint8Array): CallBody {
  if (result === undefined || result.kept === 'dropped') return NOTHING;
  return result.kept === 'message' ? inline : result.kept;
}

const KEPT_BY_NEXT = new Set(['x-call-id', 'x-start-time', 'traceparent', 'tracestate']);
const KEPT_OF_RESULT = new Set(['content-type', 'content-encoding']);

function nextHeaders(own: CallHeaders, ofResult: CallHeaders): CallHeaders {
  return [...picked(own, KEPT_BY_NEXT), ...picked(ofResult, KEPT_OF_RESULT)];
}

function picked(headers: CallHeaders, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (names.has(name.toLowerCase())) kept.push(name, headers[i + 1] ?? '');
  }
  return kept;
}

function shortened(attempt: Attempt): Attempt {
  const { error } = attempt;
  return error === undefined ? attempt : { ...attempt, error: error.slice(0, MOST_REASON_CHARS) };
}
