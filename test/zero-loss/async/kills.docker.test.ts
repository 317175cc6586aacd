import { whyNoEngineSwarm } from '../../support/engine-swarm.ts';
import { openPlatform } from '../../support/platform.ts';
import { AsyncLoad } from './async-load.ts';
import { prove } from './proof.ts';
import { countingImage, SwarmPlatform } from './swarm-platform.ts';

const CALLS = process.env['SKEP_SOAK'] ? 10_000 : 500;
const ROUNDS = process.env['SKEP_SOAK'] ? 4 : 1;
const SERVICES = ['gateway', 'queue-worker', 'nats', 'counted'];

describe('asynchronous calls while containers and the engine are killed', function () {
  this.timeout(1_200_000);
  let platform: SwarmPlatform | undefined;

  before(async function () {
    const reason = whyNoEngineSwarm();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    const base = process.env['ZERO_LOSS_BASE'] ?? (await (await openPlatform()).exampleImage());
    platform = await SwarmPlatform.open(await countingImage(base), ['counted', 'counted-next']);
  });
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    for (const service of SERVICES) console.log((await platform?.logs(service))?.slice(-8000));
  });
  after(() => platform?.close());

  it('all run, end in one state, and run again only where something was killed meanwhile', async () => {
    if (platform === undefined) throw new Error('there is no swarm');
    const { ledger, interruptions, url, request } = platform;
    const load = new AsyncLoad({
      url,
      functions: ['counted.openfaas-fn', 'counted-next.openfaas-fn'],
      callbackUrl: `${ledger.url}/callback`,
    });
    const kills = Array.from({ length: ROUNDS }, () => [...SERVICES, 'engine']).flat();
    for (const [index, victim] of kills.entries()) {
      await load.untilAccepted(Math.round((CALLS / (kills.length + 1)) * (index + 1)));
      if (victim === 'engine') await platform.killEngine(SERVICES);
      else await platform.killContainers(victim);
    }
    await load.untilAccepted(CALLS);
    await load.stop();
    await prove({ load, ledger, interruptions, ask: (path) => request(path), withinMs: 180_000 });
  });
});
