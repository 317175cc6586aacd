import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { Answer, ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep deploy --wait', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  let look: (name: string, count: number) => Answer;
  beforeEach(async () => {
    place = new Workplace();
    const counts = new Map<string, number>();
    look = () => status({ rollout: { state: 'done' } });
    gateway = await place.startGateway(({ method, url }) => {
      if (method !== 'GET') return { status: 202 };
      const name = /function\/([^?]+)/.exec(url)?.[1] ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return look(name, counts.get(name) ?? 0);
    });
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nfunctions:\n  one: {image: a}\n  two: {image: b, namespace: dev}\n',
    );
  });
  afterEach(() => place.remove());
  const status = (fields: Readonly<Record<string, unknown>>): Answer => ({
    status: 200,
    body: JSON.stringify({ name: 'x', replicas: 2, availableReplicas: 1, ...fields }),
  });
  const deploy = (...args: string[]) => place.skep(['deploy', '--wait', ...args]);

  it('ends when all of them run', async () => {
    look = (_, count) => status({ rollout: { state: count < 2 ? 'running' : 'done' } });
    const ran = await deploy();
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(ran.stdout).to.match(
      /Waiting for: one, two\.dev\nReady: one \(1\/2 replicas, [\d.]+s\)\nReady: two\.dev /,
    );
    expect(gateway.calls).to.include('GET /system/function/two?namespace=dev');
  });

  it('fails with the reason of the cluster, having waited for the others', async () => {
    look = (name, count) =>
      name === 'one'
        ? status({ rollout: { state: 'failed', error: 'No such image: a:latest' } })
        : status({ rollout: { state: count < 3 ? 'running' : 'done' } });
    const ran = await deploy();
    expect(ran.exitCode).to.equal(1);
    expect(ran.stdout).to.contain('Ready: two.dev');
    expect(ran.stdout).to.contain('Deployed, but not running:\n- one: No such image: a:latest\n');
  });

  it('tells what holds it up, once, and gives up in time', async () => {
    look = () => status({ rollout: { state: 'running', error: 'no suitable node' } });
    const ran = await deploy('--filter', 'one', '--wait-timeout', '600ms');
    expect(ran.stderr).to.equal('one: no suitable node\n');
    expect(ran.stdout).to.match(/- one: not ready after [\d.]+s: no suitable node\n/);
    expect(ran.exitCode).to.equal(1);
  });

  it('goes on when the gateway is away for a moment', async () => {
    look = (_, count) =>
      count < 2 ? { status: 503, body: 'restarting' } : status({ rollout: { state: 'done' } });
    const ran = await deploy('--filter', 'one');
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(ran.stderr).to.contain('one: Server returned unexpected status code: 503 - restarting');
  });

  it('fails when the function was removed meanwhile', async () => {
    look = () => ({ status: 404 });
    const ran = await deploy('--filter', 'one');
    expect(ran.stdout).to.contain('- one: it was removed meanwhile');
    expect(ran.exitCode).to.equal(1);
  });

  it('looks at the replicas of a gateway that tells of no roll-out', async () => {
    look = (_, count) => status({ availableReplicas: count < 2 ? 0 : 2 });
    const ran = await deploy('--filter', 'one');
    expect(ran.stdout).to.contain('Ready: one (2/2 replicas');
    expect(ran.exitCode).to.equal(0);
  });

  it('refuses a limit of time that is none before anything is sent', async () => {
    const ran = await deploy('--wait-timeout', 'long');
    expect(ran.stdout).to.contain('--wait-timeout long');
    expect(ran.exitCode).to.equal(1);
    expect(gateway.calls).to.deep.equal([]);
  });
});
