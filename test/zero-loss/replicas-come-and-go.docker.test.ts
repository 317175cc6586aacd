import { expect } from 'chai';
import { docker, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';
import { type LoadReport, SteadyLoad, summary } from '../support/steady-load.ts';
import { type AnsweringFunction, answeringImage, deployAnswering } from './answering-function.ts';

/** The long form (`npm run test:soak`) and the short one of `npm test`: the same events under the same rate of calls. */
const CALLS = process.env['SKEP_SOAK'] ? 20_000 : 3000;
const UPDATES = 5;
const SCALINGS = 20;
const KILLINGS = process.env['SKEP_SOAK'] ? 10 : 3;

describe('no call is lost at 200 calls a second', function () {
  this.timeout(400_000);
  let platform: Platform;
  let image: string;
  let fn: AnsweringFunction | undefined;

  before(async () => {
    platform = await openPlatform();
    image = await answeringImage(platform);
  });
  afterEach(async () => {
    await fn?.remove();
    fn = undefined;
  });

  const deploy = async (name: string, of = image): Promise<AnsweringFunction> => {
    fn = await deployAnswering(platform, { name, replicas: 2, image: of });
    return fn;
  };
  const expectNoLoss = (report: LoadReport): void => {
    console.log(`      ${summary(report)}`);
    expect(report.failed.length, summary(report)).to.equal(0);
    expect(report.ok).to.equal(report.sent);
    expect(report.sent).to.be.at.least(CALLS);
  };

  it(`while five new versions are rolled out one after the other`, async () => {
    const rolled = await deploy('zero-loss-rolled');
    const load = new SteadyLoad({ url: rolled.url });
    for (let version = 1; version <= UPDATES; version++) {
      await load.untilSent(Math.round((CALLS / (UPDATES + 1)) * version));
      await rolled.update(version);
    }
    await load.untilSent(CALLS);
    const report = await load.stop();
    expectNoLoss(report);
    // Two of each version, the first included, have answered.
    expect(report.answeredBy.size).to.be.at.least(2 * (UPDATES + 1));
  });

  // In the long form alone: a variant of the one above.
  if (process.env['SKEP_SOAK']) {
    it('while new versions of a server behind the watchdog are rolled out, which ends at once when it is told to', async () => {
      const rolled = await deploy('zero-loss-server', await answeringImage(platform, 'server'));
      const load = new SteadyLoad({ url: rolled.url });
      for (let version = 1; version <= UPDATES; version++) {
        await load.untilSent(Math.round((CALLS / (UPDATES + 1)) * version));
        await rolled.update(version);
      }
      await load.untilSent(CALLS);
      expectNoLoss(await load.stop());
    });
  }

  it(`while it is scaled up and down twenty times`, async () => {
    const scaled = await deploy('zero-loss-scaled');
    const load = new SteadyLoad({ url: scaled.url });
    for (let count = 1; count <= SCALINGS; count++) {
      await load.untilSent(Math.round((CALLS / (SCALINGS + 1)) * count));
      await scaled.scale(count % 2 === 1 ? 3 : 2);
      // Every replica that comes takes its share before one goes: the two first, and one of each time up.
      if (count % 2 === 1) await load.untilAnsweredBy(2 + Math.ceil(count / 2));
    }
    await load.untilSent(CALLS);
    expectNoLoss(await load.stop());
  });

  it('but those inside a container when it is killed', async () => {
    const killed = await deploy('zero-loss-killed');
    const load = new SteadyLoad({ url: killed.url });
    const lost: number[] = [];
    for (let count = 1; count <= KILLINGS; count++) {
      await load.untilSent(Math.round((CALLS / (KILLINGS + 1)) * count));
      await load.untilAnsweredBy(1 + count);
      const [victim = ''] = await killed.containers();
      const address = await addressOf(victim);
      const known = load.failed.length;
      const inFlight = load.inFlight;
      const beganMs = performance.now();
      succeeded('docker kill', await docker('kill', '--signal', 'KILL', victim));
      const endedMs = performance.now();
      await load.untilAnsweredBy(2 + count);
      await until('two replicas', async () => (await killed.read()).availableReplicas === 2);
      const failed = load.failed.slice(known);
      for (const { call, kind, detail, beganMs: calledMs } of failed) {
        expect(`${kind}: ${detail}`, `call ${call}`).to.include(`broke off: ${address}:8080`);
        expect(calledMs, `call ${call} began after the container had ended`).to.be.below(endedMs);
      }
      // Those that were under way, and those that came while the engine was at it.
      const came = Math.ceil(((endedMs - beganMs) / 1000) * 200) + 1;
      expect(failed.length).to.be.at.most(inFlight + came);
      lost.push(failed.length);
    }
    await load.untilSent(CALLS);
    const report = await load.stop();
    console.log(`      ${summary(report)}`);
    expect(report.failed.length).to.equal(lost.reduce((sum, count) => sum + count, 0));
    expect(report.ok + report.failed.length).to.equal(report.sent);
  });
});

/** Of a container on the functions' network. */
async function addressOf(container: string): Promise<string> {
  const format = '{{(index .NetworkSettings.Networks "skep-functions").IPAddress}}';
  return succeeded('docker inspect', await docker('inspect', '--format', format, container)).stdout.trim();
}
