import type {
  CallAnswer,
  CallAttempt,
  CallbackStatus,
  CallStatus,
  DeadCall,
} from '../../../contract/call-status.ts';
import {
  type Attempt,
  type CallRecord,
  type CallResult,
  type CallStep,
  currentStep,
} from '../../queue/call.ts';
import type { DeadLetter } from '../../queue/call-queue.ts';
import type { CallbackRecord } from '../../queue/callback.ts';

/** A record as clients get it. @param callback how it fares, where that was looked for */
export function toCallStatus(record: CallRecord, callback?: CallbackRecord): CallStatus {
  const { id, state, steps, startedAt, runAt, endedAt, reason, result, callbackUrl } = record;
  const { function: name, queue } = currentStep(record);
  const isRunning = state === 'running';
  return {
    id,
    status: state,
    function: name,
    queue,
    ...(steps.length > 1 && { chain: steps.map((step) => step.function) }),
    acceptedAt: toTime(record.acceptedAt),
    attempt: record.attempt,
    ...(isRunning && startedAt !== undefined && { startedAt: toTime(startedAt) }),
    ...(state === 'queued' && runAt !== undefined && { nextAt: toTime(runAt) }),
    ...(endedAt !== undefined && { endedAt: toTime(endedAt) }),
    attempts: record.attempts.map((attempt) => toAttempt(attempt, steps)),
    ...(reason !== undefined && { reason }),
    ...(result !== undefined && { answer: toAnswer(result) }),
    ...(callbackUrl !== undefined && { callback: toCallback(callbackUrl, callback) }),
  };
}

export function toDeadCall({ call, record, diedAt, reason, response }: DeadLetter): DeadCall {
  const { function: name, queue } = currentStep(call);
  return {
    id: call.id,
    function: name,
    queue,
    acceptedAt: toTime(call.acceptedAt),
    diedAt: toTime(diedAt),
    reason,
    attempts: (record?.attempts ?? []).map((attempt) => toAttempt(attempt, call.steps)),
    path: call.path,
    ...(record?.result !== undefined && { answer: toAnswer(record.result) }),
    ...(response.length > 0 && { answerStart: new TextDecoder().decode(response) }),
  };
}

function toAttempt({ step, startedAt, ...rest }: Attempt, steps: readonly CallStep[]): CallAttempt {
  return { function: steps[step]?.function ?? '', ...rest, startedAt: toTime(startedAt) };
}

function toAnswer({ status, headers, bytes, kept }: CallResult): CallAnswer {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type');
  const contentType = at === -1 ? undefined : headers[at + 1];
  return { status, ...(contentType !== undefined && { contentType }), bytes, isKept: kept !== 'dropped' };
}

function toCallback(url: string, record: CallbackRecord | undefined): CallbackStatus {
  if (record === undefined) return { url };
  const { state, attempts, runAt, endedAt } = record;
  return {
    url,
    state,
    attempts: attempts.map(({ startedAt, ...rest }) => ({ ...rest, startedAt: toTime(startedAt) })),
    ...(state === 'waiting' && runAt !== undefined && { nextAt: toTime(runAt) }),
    ...(endedAt !== undefined && { endedAt: toTime(endedAt) }),
  };
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
