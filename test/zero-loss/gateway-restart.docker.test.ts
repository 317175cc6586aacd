import { expect } from 'chai';
import type Docker from 'dockerode';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { openPlatform, type Platform } from '../support/platform.ts';
import { SteadyLoad, summary } from '../support/steady-load.ts';
import { openTcpBalancer, type TcpBalancer } from '../support/tcp-balancer.ts';
import { type AnsweringFunction, answeringImage, deployAnswering } from './answering-function.ts';
import { type OwnGateway, startOwnGateway } from './own-gateway.ts';

const CALLS = process.env['SKEP_SOAK'] ? 20_000 : 3000;
const RESTARTS = process.env['SKEP_SOAK'] ? 6 : 2;
const NAME = 'zero-loss-drained';

describe('a gateway that is restarted at 200 calls a second', function () {
  this.timeout(400_000);
  const docker: Docker = connectEngine();
  const gateways: OwnGateway[] = [];
  let platform: Platform;
  let fn: AnsweringFunction;
  let balancer: TcpBalancer | undefined;

  before(async () => {
    platform = await openPlatform();
    fn = await deployAnswering(platform, { name: NAME, replicas: 2, image: await answeringImage(platform) });
  });
  afterEach(async () => {
    balancer?.close();
    balancer = undefined;
    await Promise.all(gateways.splice(0).map((gateway) => gateway.remove()));
  });
  after(() => fn?.remove());

  it('finishes what it holds; others are refused until the next one listens', async () => {
    const gateway = await startOwnGateway(docker, 'zero-loss-gateway-1');
    gateways.push(gateway);
    const url = `${gateway.url}/function/${NAME}`;
    const load = new SteadyLoad({ url });
    for (let count = 1; count <= RESTARTS; count++) {
      await load.untilSent(Math.round((CALLS / (RESTARTS + 1)) * count));
      // Two seconds each, whole and in its hands when it is told to stop.
      const slow = Array.from({ length: 20 }, async (_, number) => {
        const answer = await fetch(`${url}/slower/${number}`, { method: 'POST', body: `slow ${number}` });
        return `${answer.status} ${(await answer.text()).replace(/^\S+ /, '')}`;
      });
      await load.untilSent(load.sent + 100);
      await gateway.restart();
      expect(await Promise.all(slow)).to.deep.equal(
        slow.map((_, number) => `200 /slower/${number}\nslow ${number}`),
      );
    }
    await load.untilSent(CALLS);
    const report = await load.stop();
    console.log(`      ${summary(report)}`);
    const held = report.failed.filter(({ kind }) => kind !== 'refused' && kind !== 'not taken');
    expect(held.length, summary(report)).to.equal(0);
    // The kernel connects in the gateway's name until the last moment.
    expect(report.failed.filter(({ kind }) => kind === 'not taken').length).to.be.at.most(RESTARTS);
    expect(report.ok + report.failed.length).to.equal(report.sent);
  });

  it('loses nothing where another one stands beside it behind one address', async () => {
    for (const number of [1, 2]) gateways.push(await startOwnGateway(docker, `zero-loss-gateway-${number}`));
    const ports = gateways.map(({ port }) => port);
    balancer = await openTcpBalancer(ports, new URL(gateways[0]?.url ?? '').hostname);
    const load = new SteadyLoad({ url: `http://127.0.0.1:${balancer.port}/function/${NAME}` });
    for (let count = 1; count <= RESTARTS; count++) {
      await load.untilSent(Math.round((CALLS / (RESTARTS + 1)) * count));
      await gateways[count % 2]?.restart();
    }
    await load.untilSent(CALLS);
    const report = await load.stop();
    console.log(`      ${summary(report)}; ${balancer.diverted} connections went to the other`);
    expect(report.failed.length, summary(report)).to.equal(0);
    expect(report.ok).to.equal(report.sent);
    expect(balancer.diverted, 'connections that went to the other').to.be.above(0);
  });
});
