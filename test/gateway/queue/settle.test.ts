import { expect } from 'chai';
import { type Outcome, type SettleRules, settle } from '../../../gateway/queue/settle.ts';

const RULES: SettleRules = {
  retries: 10,
  codes: [408, 429, 500, 502, 503, 504],
  minWaitMs: 10_000,
  maxWaitMs: 120_000,
  backoff: 'exponential',
};
const NOW = { random: 0.25, nowMs: Date.parse('2026-11-22T10:00:00Z') };
const answered = (status: number, more: Partial<Extract<Outcome, { kind: 'answered' }>> = {}): Outcome => ({
  kind: 'answered',
  status,
  isInternal: false,
  ...more,
});

describe('settle', () => {
  const STATUSES = Array.from({ length: 400 }, (_, index) => 200 + index);

  it('decides by every status that a function may answer', () => {
    for (const status of STATUSES) {
      const { kind } = settle(answered(status), 1, RULES, NOW);
      const wanted = RULES.codes.includes(status) ? 'retry' : status < 400 ? 'succeeded' : 'failed';
      expect(kind, String(status)).to.equal(wanted);
    }
  });

  it('retries whatever error gateway or watchdog have answered', () => {
    for (const status of STATUSES) {
      const { kind } = settle(answered(status, { isInternal: true }), 1, RULES, NOW);
      expect(kind, String(status)).to.equal(status < 400 ? 'succeeded' : 'retry');
    }
  });

  it('has what was tried as often as it may be among the dead, whatever the last answer was', () => {
    for (const status of STATUSES.filter((one) => RULES.codes.includes(one))) {
      expect(settle(answered(status), 11, RULES, NOW)).to.deep.equal({
        kind: 'dead',
        reason: `the function answered ${status}, after 11 attempts`,
      });
    }
  });

  it('says who has answered last', () => {
    const rules = { ...RULES, retries: 0 };
    const last = answered(404, { isInternal: true, code: 'function_not_found' });
    expect(settle(last, 1, rules, NOW)).to.deep.equal({
      kind: 'dead',
      reason: 'the platform answered 404 for it (function_not_found), after 1 attempt',
    });
    expect(settle({ kind: 'lost', reason: 'no answer within 60000 ms' }, 1, rules, NOW)).to.deep.equal({
      kind: 'dead',
      reason: 'no answer within 60000 ms, after 1 attempt',
    });
  });

  it("goes by the function's own statuses, even where they say success", () => {
    const rules = { ...RULES, codes: [202, 404] };
    expect(settle(answered(202), 1, rules, NOW).kind).to.equal('retry');
    expect(settle(answered(404), 1, rules, NOW).kind).to.equal('retry');
    expect(settle(answered(500), 1, rules, NOW).kind).to.equal('failed');
  });

  it('waits twice as long each time, up to the longest wait', () => {
    const delays = [1, 2, 3, 4, 5, 6, 10].map((attempt) => settle(answered(500), attempt, RULES, NOW));
    expect(delays.map((one) => ('delayMs' in one ? one.delayMs : 0))).to.deep.equal([
      10_000, 20_000, 40_000, 80_000, 120_000, 120_000, 120_000,
    ]);
  });

  for (const [backoff, first, capped] of [
    ['exponential', 10_000, 120_000],
    ['full', 2500, 30_000],
    ['equal', 6250, 75_000],
  ] as const) {
    it(`spreads waits by ${backoff}`, () => {
      const rules = { ...RULES, backoff, retries: 1000 };
      expect(settle(answered(500), 1, rules, NOW)).to.deep.equal({ kind: 'retry', delayMs: first });
      expect(settle(answered(500), 999, rules, NOW)).to.deep.equal({ kind: 'retry', delayMs: capped });
    });
  }

  it('waits as long as it may at once where the least wait is longer than the longest', () => {
    const rules = { ...RULES, minWaitMs: 300_000 };
    expect(settle(answered(500), 3, rules, NOW)).to.deep.equal({ kind: 'retry', delayMs: 300_000 });
  });

  it('does not wait where it need not', () => {
    const rules = { ...RULES, minWaitMs: 0, maxWaitMs: 0, retries: 1000 };
    expect(settle(answered(500), 999, rules, NOW)).to.deep.equal({ kind: 'retry', delayMs: 0 });
  });

  for (const [status, retryAfter, delayMs] of [
    [429, '30', 30_000],
    [503, ' 300 ', 300_000],
    [503, '1', 10_000],
    [503, 'Sun, 22 Nov 2026 10:01:00 GMT', 60_000],
    [503, 'Sun, 22 Nov 2026 09:00:00 GMT', 10_000],
    [429, '999999999', 86_400_000],
    [503, 'Sun, 22 Nov 2096 10:01:00 GMT', 86_400_000],
    [503, 'soon', 10_000],
    [503, '-5', 10_000],
    [503, '1e9', 10_000],
    [503, '2026', 2_026_000],
    [503, '', 10_000],
    [500, '30', 10_000],
  ] as const) {
    it(`waits ${delayMs} ms when a ${status} asks for "${retryAfter}"`, () => {
      expect(settle(answered(status, { retryAfter }), 1, RULES, NOW)).to.deep.equal({
        kind: 'retry',
        delayMs,
      });
    });
  }
});
