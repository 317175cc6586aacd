import { expect } from 'chai';
import type { QueuedCall } from '../../../gateway/queue/call.ts';
import { followUpOf, runningRecord, settledRecord } from '../../../gateway/queue/call-progress.ts';

const BODY = new Uint8Array(0);

/** How the callback names the function. */
function namedIn(changes: Partial<QueuedCall>): { function: string; calledAs?: string | undefined } {
  const call: QueuedCall = {
    id: 'a',
    instance: 'b',
    acceptedAt: 0,
    steps: [
      { function: 'first.dev', queue: 'q' },
      { function: 'last.dev', queue: 'q' },
    ],
    step: 0,
    attempt: 1,
    path: '/',
    headers: [],
    callbackUrl: 'http://x/',
    revision: 1,
    body: BODY,
    ...changes,
  };
  const attempt = { step: call.step, attempt: 1, startedAt: 0, seconds: 1, status: 400 };
  const running = runningRecord(call, { message: 1, nowMs: 0, attempts: [] });
  const settled = settledRecord(running, { attempt, settlement: { kind: 'failed' }, nowMs: 1 });
  const followUp = followUpOf(call, settled, { revision: 2, resultBody: BODY, mostRetries: 0 });
  if (followUp.kind !== 'callback') return expect.fail(followUp.kind);
  const { function: name, calledAs } = followUp.callback;
  return { function: name, calledAs };
}

describe('what follows from a call that has ended', () => {
  it('names its first function as the client did, where that was kept', () => {
    expect(namedIn({ calledAs: 'first' })).to.deep.equal({ function: 'first.dev', calledAs: 'first' });
    expect(namedIn({})).to.deep.equal({ function: 'first.dev', calledAs: undefined });
  });

  it('does not name a later one of a chain as the first one was', () => {
    expect(namedIn({ calledAs: 'first', step: 1 })).to.deep.equal({
      function: 'last.dev',
      calledAs: undefined,
    });
  });

  it('tells its callback of a result that was too long to be kept', () => {
    const call: QueuedCall = {
      id: 'a',
      instance: 'b',
      acceptedAt: 0,
      steps: [{ function: 'only.dev', queue: 'q' }],
      step: 0,
      attempt: 1,
      path: '/',
      headers: [],
      callbackUrl: 'http://x/',
      revision: 1,
      body: BODY,
    };
    const attempt = { step: 0, attempt: 1, startedAt: 0, seconds: 1, status: 200 };
    const result = { status: 200, headers: [], bytes: 7_000_000, kept: 'dropped' } as const;
    const running = runningRecord(call, { message: 1, nowMs: 0, attempts: [] });
    const settled = settledRecord(running, { attempt, settlement: { kind: 'succeeded' }, result, nowMs: 1 });
    const followUp = followUpOf(call, settled, { revision: 2, resultBody: BODY, mostRetries: 0 });
    expect(followUp).to.have.property('callback').that.includes({ droppedBytes: 7_000_000 });
  });
});
