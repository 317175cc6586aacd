import { expect } from 'chai';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { type Engine, type EngineSwarm, openEngineSwarm, whyNoEngineSwarm } from '../support/engine-swarm.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';
import { type LoadReport, SteadyLoad, summary } from '../support/steady-load.ts';
import { type AnsweringFunction, answeringImage, deployAnswering } from './answering-function.ts';
import { gatewayImage, startGatewayOn } from './own-gateway.ts';

const CALLS = process.env['SKEP_SOAK'] ? 20_000 : 3000;
const MOST_SENT_THERE = 200;
/** Eight seconds' worth. */
const NOTICED_WITHIN_CALLS = 1600;

/** A swarm of three engines with a gateway of its own, two of them for functions; the machine's own engine is no part of it. */
describe('nodes that go away at 200 calls a second', function () {
  this.timeout(400_000);
  let swarm: EngineSwarm | undefined;
  let gateway: Pick<Platform, 'url' | 'request'>;
  let image: string;
  let fn: AnsweringFunction | undefined;

  before(async function () {
    const reason = whyNoEngineSwarm();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    image = await answeringImage(await openPlatform());
    swarm = await openEngineSwarm(2);
    gateway = await startGateway(swarm.manager);
    await Promise.all(swarm.workers.map((worker) => worker.load(image)));
  });
  afterEach(async () => {
    await fn?.remove();
    fn = undefined;
  });
  after(() => swarm?.close());

  const start = async (
    name: string,
    envVars: Readonly<Record<string, string>> = {},
  ): Promise<{ load: SteadyLoad; manager: Engine; workers: readonly Engine[] }> => {
    if (swarm === undefined) throw new Error('there is no swarm');
    const { manager, workers } = swarm;
    await until('every node', async () => {
      const nodes = await manager.docker.listNodes();
      return nodes.every(({ Status, Spec }) => Status?.State === 'ready' && Spec?.Availability === 'active');
    });
    const constraints = ['node.role==worker'];
    fn = await deployAnswering(gateway, { name, replicas: 2, image, constraints, envVars });
    return { load: new SteadyLoad({ url: fn.url }), manager, workers };
  };
  const expectNoLoss = (report: LoadReport): void => {
    console.log(`      ${summary(report)}`);
    expect(report.failed.length, summary(report)).to.equal(0);
    expect(report.ok).to.equal(report.sent);
    expect(report.sent).to.be.at.least(CALLS);
  };

  it('cost no call when they are drained', async () => {
    const { load, manager, workers } = await start('zero-loss-node-drained');
    // One replica moves with the first, and both with each one after it.
    const answeredBy = [3, 5, 7];
    for (const [index, count] of answeredBy.entries()) {
      await load.untilSent(Math.round((CALLS / (answeredBy.length + 1)) * (index + 1)));
      const node = manager.docker.getNode(workers[index % 2]?.node ?? '');
      await setAvailability(node, 'drain');
      await load.untilAnsweredBy(count);
      await setAvailability(node, 'active');
    }
    await load.untilSent(CALLS);
    expectNoLoss(await load.stop());
  });

  it('cost no call when their engine is stopped', async () => {
    const { load, workers } = await start('zero-loss-engine-stopped');
    await load.untilSent(CALLS / 4);
    await workers[0]?.stop();
    await load.untilAnsweredBy(3);
    await load.untilSent(load.sent + CALLS / 4);
    await workers[0]?.start();
    await load.untilSent(CALLS);
    expectNoLoss(await load.stop());
  });

  it('cost those calls that are inside when they fall silent', async () => {
    const { load, workers } = await start('zero-loss-node-silent', {
      exec_timeout: '9s',
      write_timeout: '10s',
    });
    await load.untilSent(CALLS / 4);
    const inFlight = load.inFlight;
    workers[0]?.cut();
    await load.untilAnsweredBy(3);
    await load.untilSent(CALLS);
    const report = await load.stop();
    workers[0]?.mend();
    console.log(`      ${summary(report)}`);
    expect(report.ok + report.failed.length).to.equal(report.sent);
    for (const { kind, detail } of report.failed) {
      expect(`${kind} ${detail}`).to.match(/^status 504 .*did not answer/);
    }
    // Those under way, and those sent over connections that were open before it was noticed.
    expect(report.failed.length).to.be.at.most(inFlight + MOST_SENT_THERE);
    const last = Math.max(0, ...report.failed.map(({ call }) => call));
    expect(last, 'the last call that was sent there').to.be.below(CALLS / 4 + NOTICED_WITHIN_CALLS);
  });
});

async function startGateway(manager: Engine): Promise<Pick<Platform, 'url' | 'request'>> {
  const url = await startGatewayOn(manager, await gatewayImage(connectEngine()));
  return {
    url,
    request: (path, { method = 'GET', json } = {}) =>
      fetch(url + path, { method, ...(json === undefined ? {} : { body: JSON.stringify(json) }) }),
  };
}

/** @param node of a manager's view */
async function setAvailability(
  node: { inspect(): Promise<unknown>; update(options: object): Promise<unknown> },
  Availability: 'active' | 'drain',
): Promise<void> {
  const { Spec, Version } = (await node.inspect()) as { Spec: object; Version: { Index: number } };
  await node.update({ ...Spec, Availability, version: Version.Index });
}
