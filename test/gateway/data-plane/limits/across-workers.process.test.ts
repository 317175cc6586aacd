import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../../support/function-replicas.ts';
import { until } from '../../../support/platform.ts';
import { type Answer, type RunningGateway, runGateway } from '../../../support/run-gateway.ts';

/** So many connections that none of the workers is left out. */
const CALLS = 40;

describe('limits in a gateway of two workers', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;
  const held: ServerResponse[] = [];

  beforeEach(async () => {
    held.length = 0;
    replicas = await startReplicas(2, (incoming, outgoing) => {
      if (incoming.url === '/held') held.push(outgoing);
      else outgoing.end('ok');
    });
    await start();
  });
  afterEach(async () => {
    gateway.kill('SIGKILL');
    await gateway.ended;
    await replicas.close();
  });

  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    gateway = await runGateway({
      gateway_workers: '2',
      function_port: String(replicas.port),
      access_log: 'all',
      write_timeout: '5s',
      ...settings,
    });
  };
  const restart = async (settings: Record<string, string>): Promise<void> => {
    gateway.kill('SIGKILL');
    await gateway.ended;
    await start(settings);
  };
  const deploy = async (deployment: Record<string, unknown>): Promise<Answer> =>
    gateway.call('/system/functions', { json: { service: 'fn', image: 'test:1', ...deployment } });
  /** Calls at once, each on a connection of its own, and the codes of those that were refused. */
  const flood = (path: string, refused: (string | undefined)[]): Promise<number>[] =>
    Array.from({ length: CALLS }, async () => {
      const { status, headers } = await gateway.call(path);
      if (status !== 200) refused.push(headers['x-skep-error'] as string | undefined);
      return status;
    });
  const workersSeen = (): Set<unknown> =>
    new Set(gateway.lines.filter(({ message }) => message === 'invocation').map((line) => line['worker']));
  const answerAll = (): void => {
    for (const response of held.splice(0)) response.end('ok');
  };

  it('hold a concurrency over both of them, to the call', async () => {
    expect((await deploy({ labels: { 'com.skep.limit.concurrency': '7' } })).status).to.equal(202);
    for (let round = 0; round < 3; round++) {
      const refused: (string | undefined)[] = [];
      const calls = flood('/function/fn/held', refused);
      await until('what is not held to be refused', async () => refused.length + held.length === CALLS);
      // Of two that come in the same instant for the last place, both may be refused, never both let in.
      expect(held.length).to.be.within(6, 7);
      expect(new Set(refused)).to.deep.equal(new Set(['function_concurrency_limited']));
      answerAll();
      await Promise.all(calls);
    }
    await until('lines of both', async () => workersSeen().size === 2);
  });

  it('hold a rate over both of them', async () => {
    const labels = { 'com.skep.limit.rate': '0.01', 'com.skep.limit.burst': '9' };
    expect((await deploy({ labels })).status).to.equal(202);
    const refused: (string | undefined)[] = [];
    const statuses = await Promise.all(flood('/function/fn', refused));
    expect(statuses.filter((status) => status === 200)).to.have.length(9);
    expect(new Set(refused)).to.deep.equal(new Set(['function_rate_limited']));
    await until('lines of both', async () => workersSeen().size === 2);
  });

  it('hold max_inflight of each replica over both of them', async () => {
    expect((await deploy({ envVars: { max_inflight: '3' } })).status).to.equal(202);
    await gateway.call('/system/scale-function/fn', { json: { serviceName: 'fn', replicas: 2 } });
    await until('calls at both replicas', async () => {
      await gateway.call('/function/fn');
      return replicas.answered(0) > 0 && replicas.answered(1) > 0;
    });
    const before = [replicas.answered(0), replicas.answered(1)] as const;
    const refused: (string | undefined)[] = [];
    const calls = flood('/function/fn/held', refused);
    await until('what is not held to be refused', async () => refused.length + held.length === CALLS);
    for (const index of [0, 1] as const) expect(replicas.answered(index) - before[index]).to.be.within(2, 3);
    expect(new Set(refused)).to.deep.equal(new Set(['replicas_busy']));
    answerAll();
    await Promise.all(calls);
  });

  it('are not used up by the calls of a worker that was killed', async () => {
    expect((await deploy({ labels: { 'com.skep.limit.concurrency': '10' } })).status).to.equal(202);
    const refused: (string | undefined)[] = [];
    const calls = flood('/function/fn/held', refused).map((call) => call.catch(() => 0));
    await until('what is not held to be refused', async () => refused.length + held.length === CALLS);
    const [victim = 0] = gateway.workers();
    process.kill(victim, 'SIGKILL');
    await gateway.logged(/in place of the one that ended/);
    let settled = 0;
    for (const call of calls) void call.then(() => settled++);
    await until('the end of the calls', async () => {
      answerAll(); // a client may have sent a call that broke off again
      return settled === CALLS;
    });
    const again: (string | undefined)[] = [];
    const others = flood('/function/fn/held', again);
    await until('what is not held to be refused', async () => again.length + held.length === CALLS);
    expect(held.length).to.be.within(9, 10);
    answerAll();
    await Promise.all(others);
  });

  it('hold max_inflight of the gateway over both of them', async () => {
    await restart({ max_inflight: '7' });
    expect((await deploy({})).status).to.equal(202);
    const refused: (string | undefined)[] = [];
    const calls = flood('/function/fn/held', refused);
    await until('what is not held to be refused', async () => refused.length + held.length === CALLS);
    expect(held.length).to.be.within(6, 7);
    expect(new Set(refused)).to.deep.equal(new Set(['too_many_inflight']));
    answerAll();
    await Promise.all(calls);
  });

  it('hold the number of connections, shared out to them', async () => {
    await restart({ max_connections: '10' });
    expect((await deploy({})).status).to.equal(202);
    const calls = Array.from({ length: CALLS }, () =>
      gateway.call('/function/fn/held').then(
        ({ status }) => status,
        () => 503, // closed unread: it may come as a reset
      ),
    );
    let refused = 0;
    for (const call of calls) void call.then((status) => (refused += status === 503 ? 1 : 0));
    await until('what is not held to be refused', async () => refused + held.length === CALLS);
    expect(held.length).to.equal(10);
    const counted = await gateway.metric('gateway_worker_connections_refused_total');
    expect(Object.values(counted).reduce((sum, count) => sum + count, 0)).to.be.at.least(CALLS - 10);
    answerAll();
    await Promise.all(calls);
  });

  it('are refused at deployment when they cannot be read', async () => {
    for (const wrong of [
      { labels: { 'com.skep.limit.rate': 'fast' } },
      { labels: { 'com.skep.limit.burst': '3' } },
      { labels: { 'com.skep.limit.concurrency': '0' } },
      { annotations: { 'com.skep.timeout': 'soon' } },
    ]) {
      const { status, body } = await deploy(wrong);
      expect(status).to.equal(400);
      expect(body).to.contain('com.skep.');
    }
  });
});
