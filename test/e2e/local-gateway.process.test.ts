import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { until } from '../support/platform.ts';
import { type LocalGateway, runLocalGateway } from '../support/run-local-gateway.ts';
import { isAlive } from '../watchdog/start-watchdog.ts';

/** A server that knows nothing of being stopped, and takes a moment for each answer. */
const SERVER = (version: string) => `
  const { createServer } = require('node:http');
  createServer((request, response) => {
    setTimeout(() => response.end(JSON.stringify({ version: '${version}', pid: process.pid })), 20);
  }).listen(Number(process.env.PORT), '127.0.0.1');
`;
const HTTP = {
  mode: 'http',
  fprocess: `${process.execPath} server.cjs`,
  upstream_url: 'http://127.0.0.1:3000',
};

describe('a gateway whose functions are processes', function () {
  this.timeout(60_000);
  let gateway: LocalGateway;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'skep-local-'));
    for (const version of ['1', '2']) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'server.cjs'), SERVER(version));
    }
    mkdirSync(join(folder, 'broken'));
    writeFileSync(join(folder, 'broken', 'server.cjs'), 'this is no program');
    const runnable = (name: string) => ({ folder: join(folder, name), env: HTTP, version: name });
    const images = { 'v:1': runnable('1'), 'v:2': runnable('2'), 'v:broken': runnable('broken') };
    gateway = await runLocalGateway(images, { rollout_timeout: '5s' });
  });
  after(async () => {
    await gateway?.end();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await gateway.request('/system/functions', { method: 'DELETE', json: { functionName: 'v' } });
  });

  const deploy = async (image: string, more: object = {}, method = 'POST'): Promise<void> => {
    const response = await gateway.request('/system/functions', {
      method,
      json: { service: 'v', image, ...more },
    });
    if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
  };
  const invoke = async (): Promise<{ version: string; pid: number }> => {
    const response = await fetch(`${gateway.url}/function/v`);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as { version: string; pid: number };
  };
  const status = async (): Promise<FunctionStatus> =>
    (await (await gateway.request('/system/function/v')).json()) as FunctionStatus;
  /** Calls from several clients while `work` goes on, and a little after. @returns the versions that answered */
  const underLoad = async (work: () => Promise<void>): Promise<Set<string>> => {
    const seen = new Set<string>();
    let isOver = false;
    const clients = Array.from({ length: 4 }, async () => {
      while (!isOver) seen.add((await invoke()).version);
    });
    await Promise.race([work(), Promise.all(clients)]);
    isOver = true;
    await Promise.all(clients);
    return seen;
  };

  it('replaces a function that is called all the time, and no call fails', async () => {
    await deploy('v:1', { labels: { 'com.openfaas.scale.min': '2' } });
    await invoke();
    const seen = await underLoad(async () => {
      await deploy('v:2', { labels: { 'com.openfaas.scale.min': '2' } }, 'PUT');
      await until('the new version alone', async () => (await status()).rollout?.state === 'done');
      await until('it answers', async () => (await invoke()).version === '2');
      for (const replicas of [1, 3, 1]) {
        const json = { serviceName: 'v', replicas };
        await gateway.request('/system/scale-function/v', { method: 'POST', json });
        await until(`${replicas} replicas`, async () => (await status()).availableReplicas === replicas);
      }
    });
    expect([...seen].sort()).to.deep.equal(['1', '2']);
    expect((await invoke()).version).to.equal('2');
  });

  it('takes a version back that cannot run, says why, and no call fails', async () => {
    await deploy('v:1');
    await invoke();
    const seen = await underLoad(async () => {
      await deploy('v:broken', {}, 'PUT');
      await until('taken back', async () => (await status()).rollout?.state === 'failed');
    });
    expect([...seen]).to.deep.equal(['1']);
    const { rollout, image } = await status();
    expect(image).to.equal('v:1');
    expect(rollout?.error).to.equal(
      'a replica of the new version ended before any has answered (exit code 1): the version before it is back',
    );
  });

  it('starts a function again that has ended, and the next call finds it', async () => {
    await deploy('v:1');
    const { pid } = await invoke();
    process.kill(pid, 'SIGKILL');
    await until('another one', async () => !isAlive(pid));
    await until('it answers', async () => (await invoke().catch(() => ({ pid }))).pid !== pid);
  });

  it('tells those who wait why a function does not start', async () => {
    await deploy('v:broken');
    const response = await fetch(`${gateway.url}/function/v`);
    expect(response.status).to.equal(503);
    expect(await response.text()).to.include('exit code 1');
  });

  it('refuses an image that nothing here makes, with the reason', async () => {
    const json = { service: 'v', image: 'nobody:1' };
    const response = await gateway.request('/system/functions', { method: 'POST', json });
    expect([response.status, await response.text()]).to.deep.equal([400, 'nothing here makes nobody:1\n']);
  });

  it('has health checks that say what it is', async () => {
    const response = await gateway.request('/system/health');
    const { checks } = (await response.json()) as { checks: Record<string, { detail?: string }> };
    expect(checks).to.not.have.property('swarm');
    expect(checks['processes']?.detail).to.include('on this machine');
  });

  it('refuses to build, and says who does', async () => {
    const response = await fetch(`${gateway.url}/system/build`, {
      method: 'POST',
      headers: { authorization: gateway.authorization, 'content-type': 'application/octet-stream' },
      body: 'no tar at all',
    });
    expect(response.status).to.be.at.least(400);
  });
});
