import { AsyncLoad } from './async-load.ts';
import { type Part, ProcessPlatform } from './process-platform.ts';
import { prove } from './proof.ts';

const CALLS = process.env['SKEP_SOAK'] ? 10_000 : 1000;
const ROUNDS = process.env['SKEP_SOAK'] ? 6 : 1;

describe('asynchronous calls while each process that they pass is killed', function () {
  this.timeout(900_000);
  let platform: ProcessPlatform;

  beforeEach(async () => {
    platform = new ProcessPlatform({
      functions: ['counted', 'counted-next'],
      queueWorkers: 2,
      // The ledger, which is called back, is on this machine.
      workerSettings: { callback_allow: '127.0.0.0/8' },
      gatewaySettings: { callback_allow: '127.0.0.0/8' },
    });
    await platform.open();
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(platform.workerLog().slice(-20_000));
    return platform.close();
  });

  it('all run, end in one state, and run again only where something was killed meanwhile', async () => {
    const { ledger, interruptions, url } = platform;
    const load = new AsyncLoad({
      url,
      functions: ['counted.openfaas-fn', 'counted-next.openfaas-fn'],
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
    await prove({ load, ledger, interruptions, ask: (path) => fetch(url + path), withinMs: 90_000 });
  });
});
