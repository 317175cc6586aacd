import { Agent, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type Answer, isAlive, type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const MAIN = join(import.meta.dirname, '../../../gateway/main.ts');

describe('a gateway of two workers', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;
  /** Calls of `/held` wait here. */
  const held: ServerResponse[] = [];

  beforeEach(async () => {
    held.length = 0;
    replicas = await startReplicas(2, (incoming, outgoing) => {
      if (incoming.url === '/held') held.push(outgoing);
      else outgoing.end(`answered ${incoming.url}`);
    });
  });
  afterEach(async () => {
    await gateway?.end();
    await replicas.close();
  });

  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    gateway = await runGateway({
      gateway_workers: '2',
      function_port: String(replicas.port),
      access_log: 'all',
      write_timeout: '20s',
      ...settings,
    });
  };
  const deploy = async (service: string, labels: Record<string, string> = {}): Promise<void> => {
    const answer = await gateway.call('/system/functions', { json: { service, image: 'test:1', labels } });
    expect(answer.status, answer.body).to.equal(202);
  };
  const scale = (name: string, desired: number): Promise<Answer> =>
    gateway.call(`/system/scale-function/${name}`, { json: { serviceName: name, replicas: desired } });
  /** Numbers of the workers that have answered calls of this path's function. */
  const workersOf = (name: string): Set<unknown> =>
    new Set(
      gateway.lines
        .filter((line) => line.message === 'invocation' && line['function'] === `${name}.openfaas-fn`)
        .map((line) => line['worker']),
    );
  /** A kept connection to a worker of the given number. */
  const connectTo = async (worker: number, name: string): Promise<Agent> => {
    for (;;) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const { headers } = await gateway.call(`/function/${name}/which`, { agent });
      const callId = headers['x-call-id'];
      await until('the line of the call', async () =>
        gateway.lines.some((line) => line['callId'] === callId),
      );
      if (gateway.lines.find((line) => line['callId'] === callId)?.['worker'] === worker) return agent;
      agent.destroy();
    }
  };

  it('has each worker serve a part of the connections, and each leaves lines with its number', async () => {
    await start();
    await deploy('shared');
    await until('calls in both', async () => {
      expect((await gateway.call('/function/shared')).status).to.equal(200);
      return workersOf('shared').size === 2;
    });
    expect([...workersOf('shared')].sort()).to.deep.equal([1, 2]);
  });

  it('knows a function in every worker when its deployment was answered, and none when its removal was', async () => {
    await start();
    for (let round = 0; round < 10; round++) {
      const name = `fn-${round}`;
      await deploy(name);
      const unknown = await Promise.all(
        Array.from({ length: 8 }, async () => (await gateway.call(`/function/${name}`)).status),
      );
      expect(unknown).to.deep.equal(Array.from({ length: 8 }, () => 200));
      const gone = await gateway.call('/system/functions', {
        method: 'DELETE',
        json: { functionName: name },
      });
      expect(gone.status, gone.body).to.equal(202);
      const known = await Promise.all(
        Array.from({ length: 8 }, async () => (await gateway.call(`/function/${name}`)).status),
      );
      expect(known).to.deep.equal(Array.from({ length: 8 }, () => 404));
    }
  });

  it('asks the cluster once for 50 callers in both workers, and answers them all', async () => {
    await start({ replicas_run: 'by_hand' });
    await deploy('sleeper');
    await scale('sleeper', 0);
    // They are told of over another channel than the answers.
    await until('what was asked before', async () => gateway.clusterCalls.length === 2);
    const calls = Array.from({ length: 50 }, () => gateway.call('/function/sleeper'));
    await until('50 waiting calls', async () => {
      const waiting = await gateway.metric('gateway_worker_waiting');
      return sum(waiting) === 50 && Object.values(waiting).every((count) => count > 0);
    });
    gateway.tell({ kind: 'run', name: 'sleeper', count: 1 });
    expect((await Promise.all(calls)).map(({ status }) => status)).to.deep.equal(
      Array.from({ length: 50 }, () => 200),
    );
    await until('what the calls asked', async () => gateway.clusterCalls.length > 2);
    expect(gateway.clusterCalls.map(({ kind }) => kind)).to.deep.equal(['create', 'scale', 'scale']);
  });

  it("tells the callers in both workers the replica's own error when a function cannot start", async () => {
    await start({ replicas_run: 'by_hand' });
    await deploy('broken');
    const calls = Array.from({ length: 10 }, () => gateway.call('/function/broken'));
    await until('10 waiting calls', async () => sum(await gateway.metric('gateway_worker_waiting')) === 10);
    gateway.tell({ kind: 'fail', name: 'broken', error: 'No such image: test:1' });
    for (const { status, headers, body } of await Promise.all(calls)) {
      expect([status, headers['x-skep-error']]).to.deep.equal([503, 'no_replica']);
      expect(body).to.contain('No such image: test:1');
    }
  });

  it('tells the callers why the cluster did not scale', async () => {
    await start({ replicas_run: 'by_hand' });
    await deploy('sleeper');
    await scale('sleeper', 0);
    gateway.tell({ kind: 'refuse', reason: 'no quorum' });
    const { status, headers, body } = await gateway.call('/function/sleeper');
    expect([status, headers['x-skep-error']]).to.deep.equal([503, 'provider_unavailable']);
    expect(body).to.contain('no quorum');
  });

  it('calls a replica no more in any worker that one of them did not reach, until it answers again', async () => {
    await start();
    await deploy('pair', { 'com.openfaas.scale.min': '2' });
    await until('both replicas', async () => {
      await gateway.call('/function/pair');
      return replicas.answered(0) > 0 && replicas.answered(1) > 0;
    });
    await replicas.stop(1);
    for (let call = 0; call < 40; call++) expect((await gateway.call('/function/pair')).status).to.equal(200);
    const beforeReturn = replicas.answered(1);
    await replicas.start(1);
    await until('calls at the replica that came back', async () => {
      expect((await gateway.call('/function/pair')).status).to.equal(200);
      return replicas.answered(1) > beforeReturn;
    });
  });

  it('loses only the calls of a worker that is killed; another takes its place and no count goes backwards', async () => {
    await start();
    await deploy('busy');
    const [first, second] = [await connectTo(1, 'busy'), await connectTo(2, 'busy')];
    const other = await connectTo(2, 'busy');
    const [firstPid, secondPid] = [await pidOf(1), await pidOf(2)];
    const started = 'gateway_function_invocation_started';
    const inOne = gateway.call('/function/busy/held', { agent: first }).then(
      () => 'answered',
      () => 'cut off',
    );
    const inOther = gateway.call('/function/busy/held', { agent: second });
    await until('both calls in flight', async () => held.length === 2);
    const before = await gateway.metric(started);
    expect(sum(await gateway.metric('gateway_function_invocation_inflight'))).to.equal(2);

    process.kill(firstPid, 'SIGKILL');
    expect(await inOne).to.equal('cut off');
    for (let call = 0; call < 20; call++) {
      expect((await gateway.call('/function/busy', { agent: other })).status).to.equal(200);
    }
    expect(await gateway.logged('another worker serves in place of the one that ended')).to.include({
      worker: 1,
    });
    const after = await gateway.metric(started);
    expect(sum(after)).to.equal(sum(before) + 20);
    expect(sum(await gateway.metric('gateway_function_invocation_inflight'))).to.equal(1);
    expect(await gateway.metric('gateway_worker_restarts_total')).to.deep.equal({ '': 1 });

    for (const response of held) response.end('late');
    expect((await inOther).body).to.equal('late');
    expect(sum(await gateway.metric('gateway_function_invocation_inflight'))).to.equal(0);
    const now = gateway.workers();
    expect(now).to.have.length(2);
    expect(now).to.include(secondPid).and.to.not.include(firstPid);
    (await connectTo(1, 'busy')).destroy();
    expect(await gateway.logged('a worker has ended by itself: calls that it had were cut off')).to.include({
      worker: 1,
      how: 'signal SIGKILL',
    });
    for (const agent of [first, second, other]) agent.destroy();
  });

  it('does not wait for a worker that is stuck: deployments and metrics are answered', async () => {
    await start();
    await deploy('before');
    const stuck = await pidOf(1);
    const other = await connectTo(2, 'before');
    process.kill(stuck, 'SIGSTOP');
    try {
      const json = { service: 'meanwhile', image: 'test:1' };
      expect((await gateway.call('/system/functions', { json, agent: other })).status).to.equal(202);
      expect((await gateway.call('/function/meanwhile', { agent: other })).status).to.equal(200);
      expect(sum(await gateway.metric('gateway_function_invocation_total'))).to.be.greaterThan(0);
      const health = JSON.parse((await gateway.call('/system/health', { agent: other })).body);
      expect(health.checks.workers).to.include({
        ok: false,
        error: '1 of 2 answer: the log says what became of the others',
      });
    } finally {
      process.kill(stuck, 'SIGCONT');
    }
    const back = await connectTo(1, 'before');
    const health = JSON.parse((await gateway.call('/system/health')).body);
    expect(health.checks.workers).to.include({ ok: true, detail: '2 serve' });
    expect((await gateway.call('/function/meanwhile', { agent: back })).status).to.equal(200);
    back.destroy();
    other.destroy();
  });

  it('ends as failed, with the reason, when workers end again and again', async () => {
    await start({ gateway_workers: '1' });
    for (let life = 1; life <= 5; life++) {
      const [worker] = gateway.workers();
      if (worker === undefined) throw new Error('no worker');
      process.kill(worker, 'SIGKILL');
      if (life < 5) await gateway.logged('another worker serves in place of the one that ended', life);
    }
    expect((await gateway.ended).exitCode).to.equal(1);
    const line = await gateway.logged('the gateway ends: its workers do');
    expect(JSON.stringify(line['error'])).to.contain('worker 1 ended: signal SIGKILL');
  });

  it('finishes what it has on SIGTERM, takes nothing new, and ends well however often it is told', async () => {
    await start();
    await deploy('slow');
    const [first, second] = [await connectTo(1, 'slow'), await connectTo(2, 'slow')];
    const calls = [first, second].map((agent) => gateway.call('/function/slow/held', { agent }));
    await until('both calls in flight', async () => held.length === 2);
    gateway.kill('SIGTERM');
    await gateway.logged('draining');
    gateway.kill('SIGTERM');
    gateway.kill('SIGINT');
    for (const worker of gateway.workers()) process.kill(worker, 'SIGTERM'); // as a whole group would be told
    await until('nobody is served', async () =>
      gateway.call('/healthz').then(
        () => false,
        () => true,
      ),
    );
    const health = await fetch(`http://127.0.0.1:${gateway.metricsPort}/healthz`);
    expect(health.status).to.equal(503);
    for (const response of held) response.end('late');
    for (const { body, headers } of await Promise.all(calls)) {
      expect(body).to.equal('late');
      expect(headers['connection']).to.equal('close');
    }
    expect(await gateway.ended).to.deep.equal({ exitCode: 0, signal: null });
    expect(await gateway.logged('stopped')).to.include({ cutOff: 0 });
  });

  it('tells how many calls it had to cut off, in all workers', async () => {
    await start({ write_timeout: '1s' });
    await deploy('endless');
    const [first, second] = [await connectTo(1, 'endless'), await connectTo(2, 'endless')];
    const calls = [first, second].map((agent) =>
      gateway.call('/function/endless/held', { agent }).catch((error: Error) => error),
    );
    await until('both calls in flight', async () => held.length === 2);
    gateway.kill('SIGINT');
    for (const outcome of await Promise.all(calls)) expect(outcome).to.be.instanceOf(Error);
    expect((await gateway.ended).exitCode).to.equal(0);
    expect(await gateway.logged('stopped')).to.include({ cutOff: 2 });
  });

  it('leaves no worker behind when the control process is killed: they finish what they have and end', async () => {
    await start();
    await deploy('orphan');
    const agent = await connectTo(1, 'orphan');
    const workers = gateway.workers();
    const call = gateway.call('/function/orphan/held', { agent });
    await until('the call in flight', async () => held.length === 1);
    gateway.kill('SIGKILL');
    await gateway.ended;
    await gateway.logged('the control process is gone: the worker finishes what it has');
    for (const response of held) response.end('late');
    expect((await call).body).to.equal('late');
    await until('the end of the workers', async () => workers.every((pid) => !isAlive(pid)));
    agent.destroy();
  });

  it('says so when another program has the port', async () => {
    await start();
    const second = await runGateway({
      port: String(gateway.port),
      function_port: String(replicas.port),
    }).catch((error: Error) => error);
    expect(second).to.be.instanceOf(Error);
    expect(String(second)).to.contain(
      `port ${gateway.port} of 0.0.0.0 cannot be had: another program listens on it`,
    );
    expect((await gateway.call('/healthz')).status).to.equal(200);
  });

  it('has no worker that is started by hand, and no other role', async () => {
    for (const [args, reason] of [
      [['worker'], 'a worker is started by the gateway, not by hand'],
      [['--help'], 'the gateway takes no arguments but queue-worker, not --help'],
      [['worker', 'x'], 'the gateway takes no arguments but queue-worker, not worker x'],
    ] as const) {
      const child = Bun.spawn([process.execPath, MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
      expect(await new Response(child.stdout).text()).to.contain(reason);
      expect(await child.exited).to.equal(1);
    }
  });

  it('does not start when its workers cannot', async () => {
    const outcome = await runGateway({ function_port: '1', worker_command: '/bin/false' }).catch(String);
    expect(outcome).to.contain('worker 1 ended: exit code 1');
    expect(await runGateway({ function_port: '1', worker_command: '/nowhere' }).catch(String)).to.contain(
      '/nowhere',
    );
  });

  /** The first process in the worker's place. */
  const pidOf = async (worker: number): Promise<number> => {
    await gateway.logged('a worker serves', 2);
    const line = gateway.lines.find((one) => one.message === 'a worker serves' && one['worker'] === worker);
    return Number(line?.['pid']);
  };
});

function sum(values: Record<string, number>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}
