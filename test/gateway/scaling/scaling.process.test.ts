import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const SLEEPY = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1s' };
const RPS = { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '5' };

describe('a gateway that scales', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;
  /** Calls of `/held` wait here. */
  const held: ServerResponse[] = [];

  beforeEach(async () => {
    held.length = 0;
    replicas = await startReplicas(4, (incoming, outgoing) => {
      if (incoming.url === '/held') held.push(outgoing);
      else outgoing.end('answered');
    });
    await start();
  });
  afterEach(async () => {
    await gateway.end();
    await replicas.close();
  });

  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    gateway = await runGateway({ gateway_workers: '2', function_port: String(replicas.port), ...settings });
  };
  const deploy = async (service: string, labels: Record<string, string>): Promise<void> => {
    const answer = await gateway.call('/system/functions', { json: { service, image: 'test:1', labels } });
    expect(answer.status, answer.body).to.equal(202);
  };
  const desired = async (name: string): Promise<number> => {
    const { body } = await gateway.call(`/system/function/${name}`);
    return (JSON.parse(body) as { replicas: number }).replicas;
  };
  const asleep = (name: string): Promise<void> =>
    until(`${name} asleep`, async () => (await desired(name)) === 0);
  const status = async (path: string): Promise<number> => (await gateway.call(path)).status;
  const scalings = (): string[] =>
    gateway.lines.flatMap(({ message, ...line }) =>
      message.startsWith('scaled by') ? [`${message} ${line['from']} ${line['to']}`] : [],
    );

  it('puts a function to sleep that nobody calls, and wakes it for the next call', async () => {
    await deploy('sleeper', SLEEPY);
    for (let round = 0; round < 3; round++) {
      await asleep('sleeper');
      expect(await status('/function/sleeper')).to.equal(200);
    }
    expect(await gateway.metric('gateway_cold_starts_total')).to.deep.equal({
      '{function_name="sleeper.openfaas-fn"}': 3,
    });
    expect(Object.values(await gateway.metric('gateway_cold_start_seconds_count'))).to.deep.equal([3]);
    await asleep('sleeper');
    expect(scalings().slice(0, 3)).to.deep.equal([
      'scaled by idle 1 0',
      'scaled by wake 0 1',
      'scaled by idle 1 0',
    ]);
  });

  it('keeps it awake while a call lasts, and no longer than the worker lives that had the call', async () => {
    await deploy('sleeper', SLEEPY);
    const calls = Array.from({ length: 8 }, () =>
      gateway.call('/function/sleeper/held').catch(() => undefined),
    );
    await until('calls in flight', async () => held.length === 8);
    await sleep(2500);
    expect(await desired('sleeper')).to.equal(1);
    for (const worker of gateway.workers()) process.kill(worker, 'SIGKILL');
    await Promise.all(calls);
    await gateway.logged('scaled by idle');
    await until('workers again', async () => (await status('/function/sleeper').catch(() => 0)) === 200);
  });

  it('answers each call of a trickle that meets the moments of falling asleep', async () => {
    await deploy('sleeper', SLEEPY);
    const answers: Promise<number>[] = [];
    for (let call = 0; call < 8; call++) {
      answers.push(status('/function/sleeper'));
      await sleep(1000 + call * 150);
    }
    expect(new Set(await Promise.all(answers))).to.deep.equal(new Set([200]));
    expect(scalings().filter((line) => line === 'scaled by idle 1 0').length).to.be.greaterThan(1);
  });

  it('scales by the calls of all its workers, and tells of it on the metrics page', async () => {
    await deploy('busy', { ...RPS, 'com.openfaas.scale.max': '4' });
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        await Promise.all(Array.from({ length: 4 }, () => gateway.call('/function/busy')));
        await sleep(100);
      }
    })();
    await until('four replicas', async () => (await desired('busy')) === 4);
    const [[labels = '', value] = []] = Object.entries(await gateway.metric('gateway_scaling_load'));
    expect(labels).to.equal('{function_name="busy.openfaas-fn",scaling_type="rps"}');
    expect(value).to.be.greaterThan(10);
    expect(
      (await gateway.metric('gateway_scalings_total'))[
        '{function_name="busy.openfaas-fn",direction="up",cause="rps"}'
      ],
    ).to.be.greaterThan(0);
    isOver = true;
    await load;
  });

  it('counts what is scaled by hand, and goes on with the bounds', async () => {
    await deploy('typed', { ...RPS, 'com.openfaas.scale.max': '2' });
    const answer = await gateway.call('/system/scale-function/typed', {
      json: { serviceName: 'typed', replicas: 4 },
    });
    expect(answer.status, answer.body).to.equal(202);
    await until('its maximum', async () => (await desired('typed')) === 2);
    await gateway.logged('scaled by rps');
    expect(scalings()).to.deep.equal(['scaled by manual 1 4', 'scaled by rps 4 2']);
  });

  it('says once that the cluster refuses, however often it would ask', async () => {
    await deploy('sleeper', SLEEPY);
    gateway.tell({ kind: 'refuse', reason: 'no quorum' });
    await gateway.logged(/^(a function cannot be scaled|the cluster takes no changes)/);
    await sleep(2500);
    expect(gateway.lines.filter(({ level }) => level === 'error').length).to.equal(1);
    expect(await status('/function/sleeper')).to.equal(200);
  });

  it('leaves it to others where it is told to, but wakes what is called', async () => {
    await gateway.end();
    await start({ autoscaler: 'false' });
    await deploy('sleeper', SLEEPY);
    await sleep(2500);
    expect(await desired('sleeper')).to.equal(1);
    expect(await gateway.metric('gateway_scaling_leader')).to.deep.equal({ '': 0 });
    await gateway.call('/system/scale-function/sleeper', { json: { serviceName: 'sleeper', replicas: 0 } });
    expect(await status('/function/sleeper')).to.equal(200);
  });

  it('ends well on SIGTERM while it scales', async () => {
    await deploy('sleeper', SLEEPY);
    await deploy('busy', RPS);
    await gateway.logged(/^scaled by idle/);
    gateway.kill('SIGTERM');
    expect(await gateway.ended).to.deep.equal({ exitCode: 0, signal: null });
    expect(gateway.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
  });
});
