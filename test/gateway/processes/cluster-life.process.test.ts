import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { Runnable } from '../../../gateway/processes/runnable.ts';
import { WATCHDOG_COMMAND } from '../../provider-contract/open-processes.ts';
import { isAlive } from '../../watchdog/start-watchdog.ts';
import { closeClusters, FIXTURES, openCluster, REF, seen } from './open-cluster.ts';

const WAITS_AHEAD = join(import.meta.dirname, '../../watchdog/fixtures/waits-ahead');
const SERVER = `${process.execPath} ${join(FIXTURES, 'listens-on-3000.mjs')}`;

describe('a cluster of processes', function () {
  this.timeout(40_000);
  afterEach(closeClusters);

  it('leaves no process behind when it is killed, in whatever mode they are', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'skep-killed-'));
    const path = join(scratch, 'request');
    const deployments = [
      {
        service: 'http',
        image: 'a',
        envProcess: SERVER,
        envVars: { mode: 'http', upstream_url: 'http://127.0.0.1:3000' },
      },
      { service: 'fork', image: 'a', envProcess: './waits-for-a-file' },
      { service: 'ahead', image: 'a', envProcess: WAITS_AHEAD, envVars: { prefork: '2' } },
    ];
    const program = Bun.spawn({
      cmd: [
        process.execPath,
        join(FIXTURES, 'cluster-process.ts'),
        join(scratch, 'cluster'),
        JSON.stringify(WATCHDOG_COMMAND),
        FIXTURES,
        JSON.stringify(deployments),
      ],
      stdout: 'pipe',
      stderr: 'inherit',
    });
    try {
      const { value } = await program.stdout.getReader().read();
      const [http, fork] = JSON.parse(Buffer.from(value ?? []).toString()) as number[];
      const { pid } = (await (await fetch(`http://127.0.0.1:${http}/`)).json()) as { pid: number };
      const cut = fetch(`http://127.0.0.1:${fork}/`, { method: 'POST', body: `${path}\n` }).catch(() => {});
      await seen('a call is in flight', () => existsSync(`${path}.begun`));
      await seen('two wait', () => descendantsOf(program.pid).length >= 7);
      const pids = descendantsOf(program.pid);
      expect(pids).to.include.members([pid, Number(readFileSync(`${path}.begun`, 'utf8'))]);
      program.kill('SIGKILL');
      await seen('all gone', () => !pids.some(isAlive));
      await cut;
    } finally {
      program.kill('SIGKILL');
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  it('has its folder for itself, and lets it go', async () => {
    const { folder, cluster } = openCluster();
    expect(() => openCluster({ folder })).to.throw(`is in use by another skep dev (process ${process.pid})`);
    await cluster.stop(0);
    openCluster({ folder });
  });

  it('keeps secrets and namespaces from one run to the next, for their owner alone, and nothing else', async () => {
    const first = openCluster();
    const { folder } = first;
    const secret = { name: 'key', namespace: 'openfaas-fn' };
    const namespace = { name: 'team', labels: { a: '1' }, annotations: { openfaas: '1' } };
    await first.cluster.secrets.create(secret, Buffer.from('value'));
    await first.cluster.namespaces.create(namespace);
    await first.cluster.provider.create(first.deployment({ secrets: ['key'] }));
    await first.cluster.stop(0);
    expect(readdirSync(folder).sort()).to.deep.equal(['lock', 'namespaces.json', 'secrets']);
    for (const path of [folder, join(folder, 'secrets')])
      expect(statSync(path).mode & 0o077, path).to.equal(0);
    expect(statSync(join(folder, 'secrets/openfaas-fn/key')).mode & 0o777).to.equal(0o600);
    // Of a run that was killed.
    mkdirSync(join(folder, 'run/secrets-1'), { recursive: true });
    writeFileSync(join(folder, 'secrets/openfaas-fn/.draft-1'), 'half a val');
    const { cluster } = openCluster({ folder });
    expect(await cluster.secrets.list('openfaas-fn')).to.deep.equal([secret]);
    expect(await cluster.namespaces.list()).to.deep.equal([namespace]);
    expect(await cluster.provider.list()).to.deep.equal([]);
    expect(readdirSync(join(folder, 'run'))).to.deep.equal([]);
    expect(readdirSync(join(folder, 'secrets/openfaas-fn'))).to.deep.equal(['key']);
  });

  it('removes copies of secrets with the last version that has them', async () => {
    const opened = openCluster();
    const { provider, secrets } = opened.cluster;
    await secrets.create({ name: 'key', namespace: 'openfaas-fn' }, Buffer.from('value'));
    const copies = (): string[] => readdirSync(join(opened.folder, 'run'));
    for (const v of ['1', '2', '3', '4']) {
      const deployment = opened.deployment({ secrets: ['key'], envVars: { v } });
      await (v === '1' ? provider.create(deployment) : provider.update(deployment));
      await opened.serving();
    }
    await seen('the last and the one before it', () => copies().length === 2);
    await provider.remove(REF);
    await seen('none', () => copies().length === 0);
  });

  it('forgets versions also where no watchdog can be started', async () => {
    const opened = openCluster({ watchdogCommand: ['/nowhere/skep'] });
    const { provider, secrets } = opened.cluster;
    await secrets.create({ name: 'key', namespace: 'openfaas-fn' }, Buffer.from('value'));
    for (const v of ['1', '2', '3', '4']) {
      const deployment = opened.deployment({ secrets: ['key'], envVars: { v } });
      await (v === '1' ? provider.create(deployment) : provider.update(deployment));
      await opened.until('an error', ({ replicas }) => replicas[0]?.error !== undefined);
    }
    await seen('at most two', () => readdirSync(join(opened.folder, 'run')).length <= 2);
  });

  it('does not take secrets from outside their folder', async () => {
    const opened = openCluster();
    writeFileSync(join(dirname(opened.folder), 'outside'), 'mine');
    for (const name of ['../../outside', '..', '.', '', 'a/b', '/etc/passwd']) {
      const error = await opened.cluster.provider
        .create(opened.deployment({ secrets: [name] }))
        .catch((cause: Error) => cause);
      expect(String(error)).to.include('secret not found');
    }
  });

  it('says what is wrong with a file of namespaces that somebody broke', async () => {
    const { cluster, folder } = openCluster();
    for (const text of ['{', '{}', '[{"name":1}]', '[null]']) {
      writeFileSync(join(folder, 'namespaces.json'), text);
      const error = await cluster.namespaces.list().catch((cause: Error) => cause);
      expect(String(error)).to.include(
        'namespaces.json does not hold a list of namespaces: mend it, or remove it',
      );
    }
  });

  it('builds no image, and says who does', async () => {
    const { cluster } = openCluster();
    const plan = { image: 'a:1', platforms: [], hasSecrets: false, mayReplace: true };
    const error = await cluster.builder.whyNot(plan).catch((cause: Error) => cause);
    expect(error).to.include({ code: 'provider_unavailable' });
    expect(String(error)).to.include('skep build');
  });

  it('refuses more processes than a machine should have', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    await provider.create(opened.deployment({ labels: { 'com.openfaas.scale.min': '0' } }));
    for (const change of [
      provider.scale(REF, 101),
      provider.update(
        opened.deployment({ labels: { 'com.openfaas.scale.min': '101', 'com.openfaas.scale.max': '101' } }),
      ),
    ]) {
      expect(String(await change.catch((cause: Error) => cause))).to.include('more than the 100 processes');
    }
  });

  it('takes nothing more once it is being stopped', async () => {
    const opened = openCluster();
    await opened.cluster.stop(0);
    const error = await opened.cluster.provider.create(opened.deployment()).catch((cause: Error) => cause);
    expect(String(error)).to.include('functions are being stopped here');
  });

  it('starts nothing for a deployment that was on its way when it was stopped', async () => {
    const found = Promise.withResolvers<Runnable>();
    const opened = openCluster({ sources: { find: () => found.promise } });
    const created = opened.cluster.provider.create(opened.deployment()).catch((cause: Error) => cause);
    const stopped = opened.cluster.stop(0);
    found.resolve({ folder: FIXTURES, env: { fprocess: 'cat' }, version: '1' });
    expect(String(await created)).to.include('functions are being stopped here');
    await stopped;
    expect(opened.cluster.pidsOf(REF)).to.deep.equal([]);
  });
});

function descendantsOf(pid: number): number[] {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  } catch {
    // It has ended meanwhile.
  }
  const children = text === '' ? [] : text.split(' ').map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}
