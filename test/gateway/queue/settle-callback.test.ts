import { expect } from 'chai';
import { settleCallback } from '../../../gateway/queue/settle-callback.ts';

describe('what becomes of a callback', () => {
  const rules = { retries: 3, minWaitMs: 1000, maxWaitMs: 5000 };
  const now = Date.parse('2026-01-01T00:00:00Z');
  const settle = (
    status: number,
    attempt = 1,
    retryAfter?: string,
    random = 1,
  ): ReturnType<typeof settleCallback> =>
    settleCallback({ kind: 'answered', status, retryAfter }, attempt, rules, { now, random });

  it('is decided by each status', () => {
    const kinds = new Map<string, number[]>();
    for (let status = 100; status < 600; status++) {
      const { kind } = settle(status);
      kinds.set(kind, [...(kinds.get(kind) ?? []), status]);
    }
    expect(kinds.get('delivered')).to.deep.equal([...Array.from({ length: 100 }, (_, i) => 200 + i), 303]);
    expect(kinds.get('retry')).to.deep.equal([
      408,
      421,
      425,
      429,
      ...Array.from({ length: 100 }, (_, i) => 500 + i),
    ]);
  });

  it('is tried again after twice as long each time, up to the longest wait, and then no more', () => {
    const waits = [1, 2, 3].map((attempt) => settle(500, attempt));
    expect(waits).to.deep.equal([1000, 2000, 4000].map((delayMs) => ({ kind: 'retry', delayMs })));
    expect(settle(500, 4)).to.deep.equal({
      kind: 'failed',
      reason: 'it answered 500, the last of 4 attempts',
    });
    expect(settle(500, 1, undefined, 0)).to.deep.equal({ kind: 'retry', delayMs: 500 });
  });

  it('waits as long as it is asked to, within its own bounds', () => {
    for (const [text, delayMs] of [
      ['3', 3000],
      ['0', 1000],
      ['999', 5000],
      ['Thu, 01 Jan 2026 00:00:02 GMT', 2000],
      ['nonsense', 1000],
    ] as const) {
      expect(settle(429, 1, text), text).to.deep.equal({ kind: 'retry', delayMs });
    }
  });

  it('is tried again when nobody answered, and never when it must not go there', () => {
    const times = { now, random: 1 };
    expect(settleCallback({ kind: 'lost', reason: 'hung up' }, 1, rules, times).kind).to.equal('retry');
    expect(settleCallback({ kind: 'refused', reason: 'internal' }, 1, rules, times)).to.deep.equal({
      kind: 'failed',
      reason: 'internal',
    });
  });
});
