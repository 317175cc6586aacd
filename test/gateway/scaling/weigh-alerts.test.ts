import { expect } from 'chai';
import type { FunctionAlert } from '../../../contract/parse-alerts.ts';
import {
  FORGOTTEN_AFTER_MS,
  type HeardAlert,
  latestOf,
  RETRY_WINDOW_MS,
  weighAlerts,
} from '../../../gateway/scaling/weigh-alerts.ts';

const NOW = 1_000_000;
const alert = (status: FunctionAlert['status'], id?: string, startsAtMs = 100): FunctionAlert => ({
  status,
  functionName: 'echo',
  ...(id !== undefined && { occurrence: { id, startsAtMs } }),
});
const stepped = (agoMs: number, isDone: boolean, goal = 5): HeardAlert => ({
  status: 'firing',
  startsAtMs: 100,
  heardAtMs: NOW - agoMs,
  step: { atMs: NOW - agoMs, goal, isDone },
});
const over = (agoMs = 1000): HeardAlert => ({ status: 'resolved', startsAtMs: 100, heardAtMs: NOW - agoMs });

describe('what the alerts of a notification ask for one function', () => {
  const table: readonly [string, readonly FunctionAlert[], Record<string, HeardAlert>, string | object][] = [
    ['a step when it fires', [alert('firing', 'a')], {}, 'step'],
    ['one step however many fire', [alert('firing', 'a'), alert('firing', 'b'), alert('firing')], {}, 'step'],
    ['the minimum when it is resolved', [alert('resolved', 'a')], { a: stepped(9000, true) }, 'minimum'],
    [
      'a step when one fires and another is resolved',
      [alert('resolved', 'b'), alert('firing', 'a')],
      {},
      'step',
    ],
    ['nothing when it was done before', [alert('firing', 'a')], { a: stepped(19_000, true) }, 'repeated'],
    [
      'the next step when it is told again later',
      [alert('firing', 'a')],
      { a: stepped(RETRY_WINDOW_MS + 1, true) },
      'step',
    ],
    [
      'the same step when the first attempt may have failed',
      [alert('firing', 'a')],
      { a: stepped(3000, false, 9) },
      { wants: 'goal', goal: 9 },
    ],
    [
      'the furthest of such steps',
      [alert('firing', 'a'), alert('firing', 'b')],
      { a: stepped(3000, false, 9), b: stepped(1000, false, 13) },
      { wants: 'goal', goal: 13 },
    ],
    [
      'a step when the same alert fires anew',
      [alert('firing', 'a', 200)],
      { a: stepped(3000, true) },
      'step',
    ],
    [
      'a step each time when it does not say since when',
      [alert('firing')],
      { a: stepped(3000, true) },
      'step',
    ],
    ['nothing when it fired before it was resolved', [alert('firing', 'a')], { a: over() }, 'stale'],
    ['nothing when that was another time before', [alert('firing', 'a', 50)], { a: over() }, 'stale'],
    ['a step when it fires after it was resolved', [alert('firing', 'a', 101)], { a: over() }, 'step'],
    [
      'a step when nothing was heard for long',
      [alert('firing', 'a')],
      { a: over(FORGOTTEN_AFTER_MS + 1) },
      'step',
    ],
    ['nothing when it was resolved before', [alert('resolved', 'a')], { a: over() }, 'repeated'],
    [
      'nothing when an earlier time of it is resolved',
      [alert('resolved', 'a', 50)],
      { a: stepped(3000, true) },
      'stale',
    ],
    [
      'nothing when another still fires',
      [alert('resolved', 'a')],
      { b: stepped(30_000, true) },
      'still_firing',
    ],
    [
      'the minimum when the other was not heard of for long',
      [alert('resolved', 'a')],
      { b: stepped(FORGOTTEN_AFTER_MS + 1, true) },
      'minimum',
    ],
    ['the minimum when somebody says so by hand', [alert('resolved')], { b: stepped(1000, true) }, 'minimum'],
    [
      'nothing when one fires as before and another is resolved',
      [alert('resolved', 'b'), alert('firing', 'a')],
      { a: stepped(1000, true) },
      'repeated',
    ],
    [
      'the minimum when what fires is stale',
      [alert('firing', 'a'), alert('resolved', 'b')],
      { a: over() },
      'minimum',
    ],
  ];
  for (const [sentence, alerts, heard, expected] of table) {
    it(sentence, () => {
      const both = [alerts, [...alerts].reverse()].map((order) =>
        weighAlerts(latestOf(order), new Map(Object.entries(heard)), NOW),
      );
      expect(both[0]).to.deep.equal(both[1]);
      const [verdict] = both;
      if (typeof expected === 'object') expect(verdict).to.deep.equal(expected);
      else expect(verdict?.wants === 'nothing' ? verdict.why : verdict?.wants).to.equal(expected);
    });
  }

  it('hears of each alert only the latest, and that it fires where two contradict each other', () => {
    const later = alert('resolved', 'a', 200);
    const contradicted = alert('firing', 'b');
    const words = [alert('firing', 'a'), later, alert('resolved', 'b'), contradicted, alert('resolved', 'b')];
    expect(latestOf(words)).to.deep.equal([later, contradicted]);
    expect(latestOf(words.reverse())).to.have.deep.members([later, contradicted]);
  });

  it('keeps nothing twice of thousands that are the same', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => alert(index % 2 ? 'firing' : 'resolved', 'a'));
    expect(latestOf(many)).to.deep.equal([alert('firing', 'a')]);
  });
});
