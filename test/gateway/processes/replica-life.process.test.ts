import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isAlive } from '../../watchdog/start-watchdog.ts';
import { call, closeClusters, FIXTURES, openCluster, REF, seen } from './open-cluster.ts';

const SERVER = `${process.execPath} ${join(FIXTURES, 'listens-on-3000.mjs')}`;
const HTTP = { mode: 'http', fprocess: SERVER, upstream_url: 'http://127.0.0.1:3000' };

describe('replicas as processes of this machine', function () {
  this.timeout(40_000);
  const scratch = mkdtempSync(join(tmpdir(), 'skep-replicas-'));
  afterEach(closeClusters);
  after(() => rmSync(scratch, { recursive: true, force: true }));

  describe('how they begin', () => {
    it('run in the folder of their source, with what it and the deployment say, and little of this machine', async () => {
      const opened = openCluster({
        environment: { PATH: process.env['PATH'], HOME: '/home/me', AWS_SECRET_ACCESS_KEY: 'mine' },
      });
      opened.source = { env: { fprocess: './tells-its-environment', a: 'source', b: 'source' } };
      await opened.cluster.provider.create(opened.deployment({ envVars: { b: 'deployment' } }));
      const [replica] = await opened.serving();
      if (replica === undefined) throw new Error('no replica');
      const told = (await call(replica)).split('\n');
      expect(told).to.include.members([
        `PWD_IS=${FIXTURES}`,
        'a=source',
        'b=deployment',
        'HOME=/home/me',
        'OPENFAAS_NAME=p',
        'OPENFAAS_NAMESPACE=openfaas-fn',
      ]);
      expect(told.join('\n')).to.not.include('AWS_SECRET');
      expect(told.join('\n')).to.not.match(/^(NODE_CHANNEL|BUN_)/m);
    });

    it('find their secrets as files, also by the path that images know', async () => {
      const opened = openCluster();
      const secret = { name: 'db-password', namespace: REF.namespace };
      await opened.cluster.secrets.create(secret, Buffer.from('one'));
      opened.source = { env: { fprocess: './tells-its-environment' } };
      const deployment = opened.deployment({
        secrets: [secret.name],
        envVars: { password_file: '/var/openfaas/secrets/db-password', other: '/var/openfaas/secretsX' },
      });
      await opened.cluster.provider.create(deployment);
      const [replica] = await opened.serving();
      if (replica === undefined) throw new Error('no replica');
      const told = await call(replica);
      expect(told).to.include('SECRET_db-password=one\n');
      expect(told).to.include('other=/var/openfaas/secretsX\n');
      const [, path = ''] = /^password_file=(.*)$/m.exec(told) ?? [];
      expect(readFileSync(path, 'utf8')).to.equal('one');
    });

    it('keep a secret’s value over a crash, and take a new one with the next deployment', async () => {
      const opened = openCluster();
      const { provider, secrets } = opened.cluster;
      const secret = { name: 'key', namespace: REF.namespace };
      await secrets.create(secret, Buffer.from('one'));
      opened.source = { env: { fprocess: './tells-its-environment' } };
      await provider.create(opened.deployment({ secrets: ['key'] }));
      const valueNow = async (): Promise<string> => {
        const [replica] = await opened.serving();
        if (replica === undefined) throw new Error('no replica');
        return /^SECRET_key=(.*)$/m.exec(await call(replica))?.[1] ?? '';
      };
      expect(await valueNow()).to.equal('one');
      await secrets.update(secret, Buffer.from('two'));
      for (const pid of opened.cluster.pidsOf(REF)) process.kill(pid, 'SIGKILL');
      await opened.logged('ended by itself');
      expect(await valueNow()).to.equal('one');
      await provider.update(opened.deployment({ secrets: ['key'] }));
      expect(await valueNow()).to.equal('two');
    });

    it('have ports of their own, though all of their servers would listen on the same', async () => {
      const opened = openCluster();
      opened.source = { env: HTTP };
      await opened.cluster.provider.create(opened.deployment({ labels: { 'com.openfaas.scale.min': '3' } }));
      const replicas = await opened.serving();
      const answers = await Promise.all(replicas.map(async (one) => JSON.parse(await call(one))));
      expect(new Set(answers.map(({ pid }) => pid)).size).to.equal(3);
      expect(new Set(answers.map(({ port }) => port)).size).to.equal(3);
      expect(new Set(replicas.map(({ port }) => port)).size).to.equal(3);
    });

    it('say why they cannot, are tried again, and are failed in the end', async () => {
      const opened = openCluster();
      opened.source = { env: { mode: 'nonsense', fprocess: 'cat' } };
      await opened.cluster.provider.create(opened.deployment());
      const { replicas } = await opened.until('an error', (one) => one.replicas.some(({ error }) => error));
      expect(replicas).to.have.length(1);
      expect(replicas[0]).to.include({ isRunning: false, error: 'exit code 1' });
      await opened.logged('unknown mode');
      const cluster = await opened.logged('ended by itself');
      expect(cluster.instance).to.equal('');
      expect(cluster.text).to.match(
        /^replica [0-9a-f]{12} ended by itself \(exit code 1\): the next one starts in 0\.2 s$/,
      );
      await seen('failed', async () => (await opened.cluster.provider.read(REF)).rollout?.state === 'failed');
      expect((await opened.cluster.provider.read(REF)).rollout?.error).to.equal('exit code 1');
      expect((await opened.cluster.provider.snapshot())[0]?.ended).to.be.at.least(3);
    });

    it('say so where the watchdog itself cannot be started', async () => {
      const opened = openCluster({ watchdogCommand: ['/nowhere/skep', '__watchdog'] });
      await opened.cluster.provider.create(opened.deployment());
      const one = await opened.until('an error', ({ replicas }) => replicas.some(({ error }) => error));
      expect(one.replicas[0]?.error).to.include('it could not be started: ').and.include('/nowhere/skep');
    });

    it('are refused with their source’s reason, and nothing is changed', async () => {
      const opened = openCluster();
      await opened.cluster.provider.create(opened.deployment({ envVars: { v: '1' } }));
      await opened.serving();
      opened.source = { folder: join(FIXTURES, 'not-there') };
      const error = await opened.cluster.provider
        .update(opened.deployment({ envVars: { v: '2' } }))
        .catch((cause: Error) => cause);
      expect(String(error)).to.include('the function cannot run').and.include('not-there');
      expect((await opened.cluster.provider.read(REF)).envVars).to.deep.equal({ v: '1' });
    });
  });

  describe('how they end', () => {
    it('finish the call that they have, and take part in nothing new', async () => {
      const opened = openCluster();
      opened.source = { env: { fprocess: './waits-for-a-file' } };
      await opened.cluster.provider.create(opened.deployment());
      const [replica] = await opened.serving();
      if (replica === undefined) throw new Error('no replica');
      const path = join(scratch, 'finish');
      const answer = call(replica, `${path}\n`);
      await seen('begun', () => existsSync(`${path}.begun`));
      await opened.cluster.provider.scale(REF, 0);
      expect((await opened.cluster.provider.look(REF))?.replicas).to.deep.equal([]);
      writeFileSync(path, '');
      expect(await answer).to.equal('done\n');
      await opened.logged('Exiting. Active connections: 0');
      expect((await opened.cluster.provider.snapshot())[0]?.ended).to.equal(undefined);
    });

    it('are cut off when the cluster has no more patience, and leave nothing behind', async () => {
      const opened = openCluster();
      opened.source = { env: { fprocess: './waits-for-a-file' } };
      await opened.cluster.provider.create(opened.deployment());
      const [replica] = await opened.serving();
      if (replica === undefined) throw new Error('no replica');
      const path = join(scratch, 'cut-off');
      const answer = call(replica, `${path}\n`).catch((error: Error) => error);
      await seen('begun', () => existsSync(`${path}.begun`));
      const pid = Number(readFileSync(`${path}.begun`, 'utf8'));
      const watchdogs = opened.cluster.pidsOf(REF);
      await opened.cluster.stop(100);
      await answer;
      await seen('all gone', () => ![pid, ...watchdogs].some(isAlive));
      await opened.logged('did not end in the time that it had, and was killed');
    });

    it('take their processes with them even when they are killed', async () => {
      const opened = openCluster();
      opened.source = { env: HTTP };
      await opened.cluster.provider.create(opened.deployment());
      const [replica] = await opened.serving();
      if (replica === undefined) throw new Error('no replica');
      const { pid } = JSON.parse(await call(replica));
      for (const watchdog of opened.cluster.pidsOf(REF)) process.kill(watchdog, 'SIGKILL');
      await opened.logged('ended by itself (signal SIGKILL)');
      await seen('the server is gone', () => !isAlive(pid));
    });

    it('are replaced when their server ends', async () => {
      const opened = openCluster();
      opened.source = { env: HTTP };
      await opened.cluster.provider.create(opened.deployment());
      const [first] = await opened.serving();
      if (first === undefined) throw new Error('no replica');
      await call(first, '', '/exit').catch(() => '');
      await opened.logged('ended by itself (exit code 1)');
      await opened.until(
        'another one',
        ({ replicas }) => replicas[0]?.isRunning === true && replicas[0].id !== first.id,
      );
    });
  });
});
