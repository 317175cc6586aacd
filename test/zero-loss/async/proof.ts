import { expect } from 'chai';
import { until } from '../../support/platform.ts';
import type { AsyncLoad } from './async-load.ts';
import type { Ledger } from './ledger.ts';
import { countOf, statesOf } from './states.ts';
import { type Interruption, judge, type Verdict } from './verdict.ts';

export interface Proof {
  readonly load: AsyncLoad;
  readonly ledger: Ledger;
  readonly interruptions: readonly Interruption[];
  /** Of the gateway, e.g. `/system/calls/ID`. */
  readonly ask: (path: string) => Promise<Response>;
  readonly withinMs: number;
}

/** Waits until every accepted call has run and ended; says on the console how, and fails for each that did not, or that ran again without a reason. */
export async function prove({ load, ledger, interruptions, ask, withinMs }: Proof): Promise<void> {
  const { accepted } = load;
  const ids = [...new Set(accepted.map(({ id }) => id))];
  const verdict = (): Verdict => judge(accepted, ledger.runs, ledger.callbacks, interruptions);
  let states: ReadonlyMap<string, string> = new Map();
  // What did not come in time is told of by the expectations below.
  await until(
    'each call at its function',
    async () => verdict().missing.length === 0 && verdict().notCalledBack.length === 0,
    withinMs,
  ).catch(() => undefined);
  await until(
    'the end of each call',
    async () => {
      states = await statesOf(ids, ask);
      // It may be that they cannot be told of yet.
      return ![...states.values()].some((state) => /^(?:queued|running|503 .*)\s*$/.test(state));
    },
    withinMs,
  ).catch(() => undefined);

  const { missing, wrong, notCalledBack, again, unexplained, unclaimed, callbacksAgain } = verdict();
  const counts = countOf(states.values());
  const reasons = [...again].map(([what, count]) => `${count} by ${what}`).join(', ') || 'none';
  const say = (text: string): void => console.log(`      ${text}`);
  say(`${accepted.length} accepted, ${load.refused()}; slowest refusal ${load.slowestRefusalMs} ms`);
  say(`${ledger.runs.length} executions, again: ${reasons}; callbacks again: ${callbacksAgain}`);
  say(
    `${unclaimed} executions of calls of which nobody heard that they were accepted; ${JSON.stringify(counts)}`,
  );
  expect(missing, 'never run').to.deep.equal([]);
  expect(wrong, 'run as something else').to.deep.equal([]);
  expect(notCalledBack, 'never called back').to.deep.equal([]);
  expect(unexplained, 'run again though nothing was killed').to.deep.equal([]);
  expect(counts).to.deep.equal({ succeeded: ids.length });
}
