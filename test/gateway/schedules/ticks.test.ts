import { expect } from 'chai';
import { parseFunctionSchedule } from '../../../contract/parse-function-schedule.ts';
import { dueTicks, LATE_MS, nextTick, tickId } from '../../../gateway/schedules/ticks.ts';

const rulesOf = (schedule: string, timezone = 'UTC') =>
  parseFunctionSchedule({
    topic: 'cron-function',
    schedule,
    'com.skep.schedule.timezone': timezone,
  })?.rules ?? [];
const at = (text: string): number => Date.parse(text);
const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString().replace('.000Z', 'Z');

/** All ticks between two moments, one after the other. */
function ticks(schedule: string, timezone: string, from: string, to: string): (string | undefined)[] {
  const rules = rulesOf(schedule, timezone);
  const found: (string | undefined)[] = [];
  let next = nextTick(rules, { from: at(from), until: at(from) });
  while (next !== undefined && next <= at(to)) {
    found.push(iso(next));
    next = nextTick(rules, { from: at(from), until: next });
  }
  return found;
}

describe('ticks of a schedule', () => {
  it('are those after what is done, the moment itself not among them', () => {
    expect(ticks('*/20 * * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z')).to.deep.equal([
      '2026-01-01T00:20:00Z',
      '2026-01-01T00:40:00Z',
      '2026-01-01T01:00:00Z',
    ]);
  });

  it('of an interval are counted from when it was first seen, however late somebody looks', () => {
    const rules = rulesOf('@every 25s');
    const from = at('2026-01-01T00:00:10Z');
    expect(iso(nextTick(rules, { from, until: from }))).to.equal('2026-01-01T00:00:35Z');
    expect(iso(nextTick(rules, { from, until: from + 61_000 }))).to.equal('2026-01-01T00:01:25Z');
    expect(iso(nextTick(rules, { from, until: from - 999_000 }))).to.equal('2026-01-01T00:00:35Z');
  });

  it('of several rules are one where they meet', () => {
    const from = '2026-01-01T00:00:00Z';
    expect(ticks('0 * * * *; */30 * * * *; @every 1h', 'UTC', from, '2026-01-01T01:00:00Z')).to.deep.equal([
      '2026-01-01T00:30:00Z',
      '2026-01-01T01:00:00Z',
    ]);
  });

  it('follow the zone: what summer time leaves out comes after the gap, what it repeats comes once', () => {
    const zone = 'Europe/Berlin';
    expect(ticks('30 2 * * *', zone, '2026-03-28T00:00:00Z', '2026-03-30T12:00:00Z')).to.deep.equal([
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ]);
    expect(ticks('30 2 * * *', zone, '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).to.deep.equal([
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ]);
    expect(ticks('0 * * * *', zone, '2026-10-25T00:00:00Z', '2026-10-25T03:00:00Z')).to.have.length(3);
  });
});

describe('dueTicks', () => {
  const rules = rulesOf('* * * * *');
  const now = at('2026-01-01T12:00:30Z');
  const since = (seconds: number) => ({ from: 0, until: now - seconds * 1000 });

  it('are none before the next one', () => {
    expect(dueTicks(rules, since(20), now)).to.deep.equal({ missed: undefined, due: [] });
  });

  it('are all of a short absence, in their order', () => {
    const { missed, due } = dueTicks(rules, since(95), now);
    expect(missed).to.equal(undefined);
    expect(due.map(iso)).to.deep.equal(['2026-01-01T11:59:00Z', '2026-01-01T12:00:00Z']);
  });

  it('tell of the first that was missed in a long absence, and are the last ones', () => {
    const { missed, due } = dueTicks(rules, since(3600), now);
    expect(iso(missed)).to.equal('2026-01-01T11:01:00Z');
    expect(due.map(iso)).to.deep.equal(['2026-01-01T11:59:00Z', '2026-01-01T12:00:00Z']);
    expect(due[0]).to.be.at.least(now - LATE_MS);
  });

  it('are found at once after ten years of every second', () => {
    const { missed, due } = dueTicks(rulesOf('@every 1s'), { from: 1000, until: 1000 }, now);
    expect(missed).to.equal(2000);
    expect(due).to.have.length(LATE_MS / 1000 + (now % 1000 === 0 ? 1 : 0));
  });

  it('are none while a clock that was set back is waited for', () => {
    expect(dueTicks(rules, { from: 0, until: now + 3_600_000 }, now)).to.deep.equal({
      missed: undefined,
      due: [],
    });
  });
});

describe('tickId', () => {
  it('names the function and the moment, whichever zone that was said in', () => {
    expect(tickId('report.openfaas-fn', at('2026-11-22T01:15:00Z'))).to.equal(
      'cron-report.openfaas-fn-20261122T011500Z',
    );
  });

  it('is another one for every other function', () => {
    expect(tickId('a-b.c', 0)).to.not.equal(tickId('a.b-c', 0));
  });
});
