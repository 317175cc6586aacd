import { expect } from 'chai';
import { until } from '../../support/platform.ts';
import { AsyncLoad } from './async-load.ts';
import { type Part, ProcessPlatform } from './process-platform.ts';
import { countOf, statesOf } from './states.ts';
import { judge } from './verdict.ts';

const CALLS = process.env['SKEP_SOAK'] ? 10_000 : 1000;
const ROUNDS = process.env['SKEP_SOAK'] ? 6 : 1;
const FUNCTIONS = ['counted.openfaas-fn', 'counted-next.openfaas-fn'] as const;

describe('asynchronous calls while everything that they pass is killed', function () {
  this.timeout(900_000);
  let platform: ProcessPlatform;

  beforeEach(async () => {
    platform = new ProcessPlatform({
      functions: ['counted', 'counted-next'],
      queueWorkers: 2,
      workerSettings: { callback_allow: '127.0.0.0/8' },
    });
    await platform.open();
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(platform.workerLog().slice(-20_000));
    return platform.close();
  });

  it('all run, end in one state, and run again only where something was killed meanwhile', async () => {
    const { ledger } = platform;
    const load = new AsyncLoad({
      url: platform.url,
      functions: FUNCTIONS,
      callbackUrl: `${ledger.url}/callback`,
    });
    const parts: readonly Part[] = [
      platform.dataPlaneWorker,
      platform.queueWorker(0),
      platform.natsPart,
      platform.functions,
      platform.gatewayPart,
      platform.queueWorker(1),
      platform.natsPart,
    ];
    const kills = Array.from({ length: ROUNDS }, () => parts).flat();
    for (const [index, part] of kills.entries()) {
      await load.untilAccepted(Math.round((CALLS / (kills.length + 1)) * (index + 1)));
      await platform.interrupt(part, 300);
    }
    await load.untilAccepted(CALLS);
    await load.stop();
    const { accepted } = load;
    const verdict = () => judge(accepted, ledger.runs, ledger.callbacks, platform.interruptions);
    await until(
      'each call at its function',
      async () => verdict().missing.length === 0 && verdict().notCalledBack.length === 0,
      90_000,
    ).catch(() => undefined); // the expectations below say what is missing
    const ids = accepted.map(({ id }) => id);
    const ask = (path: string): Promise<Response> => fetch(platform.url + path);
    let states = await statesOf(ids, ask);
    await until('the end of each call', async () => {
      states = await statesOf(ids, ask);
      return [...states.values()].every((state) => state !== 'queued' && state !== 'running');
    }).catch(() => undefined);

    const { missing, wrong, notCalledBack, again, unexplained, unclaimed, callbacksAgain } = verdict();
    const executions = [...again].map(([what, count]) => `${count} by ${what}`).join(', ') || 'none';
    console.log(
      `      ${accepted.length} accepted, ${load.refused()}; the slowest refusal after ${load.slowestRefusalMs} ms`,
    );
    console.log(
      `      ${ledger.runs.length} executions; again: ${executions}; callbacks again: ${callbacksAgain}`,
    );
    console.log(
      `      ${unclaimed} executions of calls whose answer was lost; states: ${JSON.stringify(countOf(states.values()))}`,
    );
    expect(missing, 'never run').to.deep.equal([]);
    expect(wrong, 'run as something else').to.deep.equal([]);
    expect(notCalledBack, 'never called back').to.deep.equal([]);
    expect(unexplained, 'run again though nothing was killed').to.deep.equal([]);
    expect(countOf(states.values())).to.deep.equal({ succeeded: new Set(ids).size });
  });
});
