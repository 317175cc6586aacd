import { expect } from 'chai';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { FaasError, type FaasErrorCode } from '../../gateway/errors.ts';
import type { FunctionSnapshot, Provider } from '../../gateway/functions/provider.ts';

/** A provider, and what a test needs to know of its cluster, where functions that are not the test's may live. */
export interface OpenedProvider {
  readonly provider: Provider;
  /** An image whose replicas run and stay. */
  readonly image: string;
  /** Name of a secret that exists. */
  readonly secret: string;
  /** Ends every running replica of a function as a crash does. */
  crash(ref: FunctionRef): Promise<void>;
  /** Removes every function of the test. */
  clean(): Promise<void>;
  close(): Promise<void>;
}

/** What every implementation of the provider port does. Run for the fake and for Swarm, so a fake that drifts fails. */
export function describeProvider(name: string, open: () => Promise<OpenedProvider>): void {
  describe(`the provider port: ${name}`, function () {
    this.timeout(60_000);
    let opened: OpenedProvider;
    let provider: Provider;

    before(async () => {
      opened = await open();
      provider = opened.provider;
    });
    afterEach(() => opened.clean());
    after(() => opened?.close());

    const echo = (changes: Partial<FunctionDeployment> = {}): FunctionDeployment => ({
      service: 'contract-echo',
      namespace: 'contract-a',
      image: opened.image,
      ...changes,
    });
    const ref = { name: 'contract-echo', namespace: 'contract-a' };

    describe('reading back', () => {
      it('gives every field exactly as it was sent, without the password for the registry', async () => {
        const sent = echo({
          envProcess: 'cat -u  "x"',
          envVars: { empty: '', equals: 'a=b=c', lines: 'one\ntwo' },
          constraints: ['node.role == manager'],
          secrets: [opened.secret],
          labels: { canary: 'true', 'com.openfaas.scale.max': '4' },
          annotations: { topic: 'a,b', json: '{\n  "a": 1\n}' },
          limits: { memory: '64Mi', cpu: '100m' },
          requests: { memory: '16m', cpu: '0.05' },
          readOnlyRootFilesystem: true,
          registryAuth: Buffer.from('user:pass').toString('base64'),
        });
        await provider.create(sent);
        const { replicas, availableReplicas, createdAt, rollout: _r, ...read } = await provider.read(ref);
        const { service, registryAuth: _, labels, ...rest } = sent;
        expect(read).to.deep.equal({
          ...rest,
          name: service,
          labels: { ...labels, faas_function: service },
        });
        expect(replicas).to.equal(1);
        expect(availableReplicas).to.be.at.most(1);
        expect(Date.parse(createdAt)).to.be.within(Date.now() - 60_000, Date.now() + 5_000);
      });

      it('omits what was not sent, yet always gives labels and annotations', async () => {
        await provider.create(echo({ envVars: {}, constraints: [], secrets: [] }));
        const read = await provider.read(ref);
        expect(read.labels).to.deep.equal({ faas_function: 'contract-echo' });
        expect(read.annotations).to.deep.equal({});
        expect(read).to.not.have.any.keys(
          'envVars',
          'envProcess',
          'constraints',
          'secrets',
          'limits',
          'requests',
        );
        expect(read).to.not.have.any.keys('readOnlyRootFilesystem', 'invocationCount');
      });

      it('lists what it reads, whole or by namespace', async () => {
        await provider.create(echo({ labels: { a: '1' } }));
        await provider.create(echo({ namespace: 'contract-b', envVars: { b: '2' } }));
        const [inDefault, ...more] = await provider.list('contract-a');
        const { rollout: _, ...read } = await provider.read(ref);
        expect(more).to.deep.equal([]);
        expect({ ...inDefault, availableReplicas: 0 }).to.deep.equal({ ...read, availableReplicas: 0 });
        expect((await provider.list('contract-b')).map((status) => status.envVars)).to.deep.equal([
          { b: '2' },
        ]);
        const all = (await provider.list()).filter((status) => status.name === 'contract-echo');
        expect(all.map((status) => status.namespace).sort()).to.deep.equal(['contract-a', 'contract-b']);
        expect(await provider.list('nowhere')).to.deep.equal([]);
      });

      it('takes back the labels that it gave', async () => {
        await provider.create(echo({ labels: { a: '1' } }));
        const { labels } = await provider.read(ref);
        await provider.update(echo({ labels }));
        expect((await provider.read(ref)).labels).to.deep.equal(labels);
      });
    });

    describe('creating', () => {
      it('starts as many replicas as com.openfaas.scale.min says', async () => {
        await provider.create(echo({ labels: { 'com.openfaas.scale.min': '2' } }));
        expect((await provider.read(ref)).replicas).to.equal(2);
        await until(provider, (functions) => runningOf(functions, 'contract-echo') === 2);
      });

      it('refuses a second function of one name and says how to change the first', async () => {
        await provider.create(echo());
        const error = await failure(provider.create(echo()), 'function_exists');
        expect(error.message).to.include('PUT');
      });

      it('lets only one of two creators at the same instant win', async () => {
        const results = await Promise.allSettled([provider.create(echo()), provider.create(echo())]);
        expect(results.map((result) => result.status).sort()).to.deep.equal(['fulfilled', 'rejected']);
      });

      it('puts a function without a namespace into the default one', async () => {
        const { namespace: _, ...bare } = echo();
        await provider.create(bare);
        expect((await provider.read({ ...ref, namespace: 'openfaas-fn' })).namespace).to.equal('openfaas-fn');
      });

      it('keeps functions of one name in two namespaces apart', async () => {
        await provider.create(echo());
        await provider.create(echo({ namespace: 'contract-b' }));
        await provider.remove({ ...ref, namespace: 'contract-b' });
        expect((await provider.read(ref)).namespace).to.equal('contract-a');
      });

      it('refuses a secret that does not exist, by its name', async () => {
        const error = await failure(
          provider.create(echo({ secrets: ['contract-no-such'] })),
          'invalid_request',
        );
        expect(error.message).to.include('secret not found: contract-no-such');
        await failure(provider.read(ref), 'function_not_found');
      });

      for (const [label, value] of [
        ['com.openfaas.scale.min', 'two'],
        ['com.openfaas.scale.min', '-1'],
        ['com.openfaas.scale.max', '1.5'],
      ] as const) {
        it(`refuses the label ${label}=${value}`, async () => {
          const error = await failure(
            provider.create(echo({ labels: { [label]: value } })),
            'invalid_request',
          );
          expect(error.message).to.include(label);
        });
      }

      it('refuses a minimum above the maximum', async () => {
        const labels = { 'com.openfaas.scale.min': '3', 'com.openfaas.scale.max': '2' };
        await failure(provider.create(echo({ labels })), 'invalid_request');
      });

      it('refuses what is no function name', async () => {
        for (const service of ['', 'Upper', 'a_b', '../x', 'x'.repeat(64)]) {
          await failure(provider.create(echo({ service })), 'invalid_request');
        }
      });
    });

    describe('updating', () => {
      it('replaces everything, and clears what is no longer sent', async () => {
        await provider.create(
          echo({ envProcess: 'cat', envVars: { a: '1' }, labels: { b: '2' }, annotations: { c: '3' } }),
        );
        await provider.update(echo({ annotations: { d: '4' } }));
        const read = await provider.read(ref);
        expect(read).to.not.have.any.keys('envProcess', 'envVars');
        expect(read.labels).to.deep.equal({ faas_function: 'contract-echo' });
        expect(read.annotations).to.deep.equal({ d: '4' });
      });

      it('keeps the replica count inside [min, max] and moves it to the nearer bound otherwise', async () => {
        const withBounds = (min: string, max: string) =>
          echo({ labels: { 'com.openfaas.scale.min': min, 'com.openfaas.scale.max': max } });
        await provider.create(withBounds('1', '5'));
        await provider.scale(ref, 3);
        await provider.update(withBounds('1', '4'));
        expect((await provider.read(ref)).replicas).to.equal(3);
        await provider.update(withBounds('1', '2'));
        expect((await provider.read(ref)).replicas).to.equal(2);
        await provider.update(withBounds('3', '5'));
        expect((await provider.read(ref)).replicas).to.equal(3);
      });

      it('does not know a function that was never created', async () => {
        await failure(provider.update(echo()), 'function_not_found');
      });

      it('leaves the function as it was when the new secret does not exist', async () => {
        await provider.create(echo({ envVars: { a: '1' } }));
        await failure(provider.update(echo({ secrets: ['contract-no-such'] })), 'invalid_request');
        expect((await provider.read(ref)).envVars).to.deep.equal({ a: '1' });
      });

      it('takes many writers at once and loses none of what the last wrote', async () => {
        await provider.create(echo({ labels: { 'com.openfaas.scale.max': '9' } }));
        await Promise.all([
          provider.scale(ref, 2),
          provider.update(echo({ envVars: { a: '1' }, labels: { 'com.openfaas.scale.max': '9' } })),
          provider.scale(ref, 0),
        ]);
        const read = await provider.read(ref);
        expect(read.replicas).to.equal(0);
        expect(read.envVars).to.deep.equal({ a: '1' });
      });
    });

    describe('scaling and removing', () => {
      it('scales up, down and to zero, and changes nothing else', async () => {
        await provider.create(echo({ envVars: { a: '1' } }));
        await provider.scale(ref, 2);
        await until(provider, (functions) => runningOf(functions, 'contract-echo') === 2);
        expect((await provider.read(ref)).availableReplicas).to.equal(2);
        await provider.scale(ref, 0);
        const read = await provider.read(ref);
        expect(read.replicas).to.equal(0);
        expect(read.envVars).to.deep.equal({ a: '1' });
        await until(provider, (functions) => runningOf(functions, 'contract-echo') === 0);
      });

      it('does not know a function that was never created, be it only the beginning of a name', async () => {
        await provider.create(echo({ service: 'contract-echo-long' }));
        await failure(provider.scale(ref, 1), 'function_not_found');
        await failure(provider.remove(ref), 'function_not_found');
        await failure(provider.read(ref), 'function_not_found');
        await failure(provider.read({ name: '../nodes', namespace: 'contract-a' }), 'function_not_found');
        const names = (await provider.list('contract-a')).map((status) => status.name);
        expect(names).to.deep.equal(['contract-echo-long']);
      });

      it('removes a function, once, and takes its name for a new one', async () => {
        await provider.create(echo());
        await provider.remove(ref);
        await failure(provider.read(ref), 'function_not_found');
        await failure(provider.remove(ref), 'function_not_found');
        await provider.create(echo({ envVars: { second: 'yes' } }));
        expect((await provider.read(ref)).envVars).to.deep.equal({ second: 'yes' });
      });
    });

    describe('a roll-out', () => {
      const deployedId = async (): Promise<string> => {
        const one = (await provider.snapshot()).find((snapshot) => snapshot.ref.name === ref.name);
        return one?.deployed?.id ?? '';
      };
      const variables = async () => (await provider.read(ref)).envVars;
      const isDone = async (): Promise<void> => {
        await eventually('done', async () => (await provider.read(ref)).rollout?.state === 'done');
      };

      it('runs, is done, and is another one for each deployment', async () => {
        await provider.create(echo());
        const first = await deployedId();
        expect((await provider.read(ref)).rollout?.state).to.be.oneOf(['running', 'done']);
        await isDone();
        await provider.update(echo({ envVars: { v: '2' } }));
        expect(await deployedId()).to.not.be.oneOf(['', first]);
        await isDone();
        expect((await provider.read(ref)).rollout).to.deep.equal({ state: 'done' });
      });

      it('is taken back: the version before it, the same replica count, and the reason', async () => {
        await provider.create(echo({ envVars: { v: '1' }, annotations: { a: '1' } }));
        await isDone();
        await provider.update(echo({ envVars: { v: '2' } }));
        await provider.scale(ref, 2, { provenId: '' });
        const reverted = await provider.revert(ref, { deployedId: await deployedId(), error: 'it is mute' });
        expect(reverted).to.equal(true);
        const read = await provider.read(ref);
        expect(read.rollout).to.deep.equal({ state: 'failed', error: 'it is mute' });
        expect([read.replicas, read.envVars, read.annotations]).to.deep.equal([2, { v: '1' }, { a: '1' }]);
        await until(provider, (functions) => runningOf(functions, ref.name) === 2);
      });

      it('keeps its failure until the next deployment', async () => {
        await provider.create(echo());
        await provider.update(echo({ envVars: { v: '2' } }));
        await provider.revert(ref, { deployedId: await deployedId(), error: 'it is mute' });
        await provider.scale(ref, 0);
        expect((await provider.read(ref)).rollout).to.deep.equal({ state: 'failed', error: 'it is mute' });
        expect(await deployedId()).to.equal('');
        await provider.update(echo({ envVars: { v: '3' } }));
        expect((await provider.read(ref)).rollout?.state).to.be.oneOf(['running', 'done']);
        expect(await deployedId()).to.not.equal('');
      });

      it('is taken back past a version that was never proven, but not past one that was', async () => {
        await provider.create(echo({ envVars: { v: '1' } }));
        await isDone();
        const proven = await deployedId();
        await provider.update(echo({ envVars: { v: '2' } }), { provenId: proven });
        // What is known of an earlier deployment says nothing of this one.
        await provider.update(echo({ envVars: { v: '3' } }), { provenId: proven });
        await provider.revert(ref, { deployedId: await deployedId(), error: 'mute' });
        expect(await variables()).to.deep.equal({ v: '1' });
        await provider.update(echo({ envVars: { v: '4' } }));
        await isDone();
        await provider.update(echo({ envVars: { v: '5' } }), { provenId: await deployedId() });
        await provider.revert(ref, { deployedId: await deployedId(), error: 'mute' });
        expect(await variables()).to.deep.equal({ v: '4' });
      });

      it('is not taken back for an earlier one, nor twice, nor when there is nothing before it', async () => {
        await provider.create(echo({ envVars: { v: '1' } }));
        const first = await deployedId();
        expect(await provider.revert(ref, { deployedId: first, error: 'mute' })).to.equal(false);
        await provider.update(echo({ envVars: { v: '2' } }));
        const second = await deployedId();
        expect(await provider.revert(ref, { deployedId: first, error: 'mute' })).to.equal(false);
        expect(await variables()).to.deep.equal({ v: '2' });
        expect(await provider.revert(ref, { deployedId: second, error: 'mute' })).to.equal(true);
        expect(await provider.revert(ref, { deployedId: second, error: 'mute' })).to.equal(false);
        expect(await variables()).to.deep.equal({ v: '1' });
        const nobody = { name: 'contract-nobody', namespace: 'contract-a' };
        await failure(provider.revert(nobody, { deployedId: first, error: 'mute' }), 'function_not_found');
      });
    });

    describe('the snapshot', () => {
      it('tells each function with labels, environment and running replicas that have an address', async () => {
        await provider.create(
          echo({ envVars: { exec_timeout: '5s' }, labels: { a: '1' }, annotations: { b: '2' } }),
        );
        const functions = await until(provider, (all) => runningOf(all, 'contract-echo') === 1);
        const one = functions.find((snapshot) => snapshot.ref.name === 'contract-echo');
        expect(one?.ref).to.deep.equal(ref);
        expect(one?.labels).to.deep.equal({ a: '1', faas_function: 'contract-echo' });
        expect(one?.annotations).to.deep.equal({ b: '2' });
        expect(one?.envVars).to.deep.equal({ exec_timeout: '5s' });
        expect(one?.desired).to.equal(1);
        expect(one?.replicas[0]?.address).to.match(/^\d+\.\d+\.\d+\.\d+$/);
        expect(one?.replicas[0]).to.not.have.property('error');
        expect(await provider.look(ref)).to.deep.equal(one);
        expect(await provider.look({ ...ref, namespace: 'contract-b' })).to.equal(undefined);
      });

      it('counts a replica that ended by itself once, and none that was told to stop', async () => {
        let ended = 0;
        /** Looks at every snapshot on the way: each tells what is new. */
        const untilSeen = (isSo: (one: FunctionSnapshot) => boolean): Promise<unknown> =>
          until(provider, (functions) => {
            const one = functions.find(({ ref: { name } }) => name === 'contract-echo');
            ended += one?.ended ?? 0;
            return one !== undefined && isSo(one);
          });
        const runs = (count: number) => (one: FunctionSnapshot) =>
          one.replicas.length === count &&
          one.replicas.every(({ isRunning, isOutdated }) => isRunning && isOutdated !== true);
        const labels = { 'com.openfaas.scale.min': '2' };
        await provider.create(echo({ labels }));
        await untilSeen(runs(2));
        await provider.update(echo({ labels, envVars: { v: '2' } }));
        await untilSeen(runs(2));
        await provider.scale(ref, 1);
        await untilSeen(runs(1));
        expect(ended, 'rolled out and scaled').to.equal(0);
        await opened.crash(ref);
        await untilSeen(() => ended > 0);
        await untilSeen(runs(1));
        await provider.scale(ref, 0);
        await untilSeen(runs(0));
        for (let read = 0; read < 3; read++) await untilSeen(() => true);
        expect(ended, 'crashed, then scaled to zero').to.equal(1);
      });

      it('no longer holds what was removed', async () => {
        await provider.create(echo());
        await provider.remove(ref);
        expect(await provider.look(ref)).to.equal(undefined);
        const names = (await provider.snapshot()).map((snapshot) => snapshot.ref.name);
        expect(names).to.not.include('contract-echo');
      });
    });

    it('hints at changes until the watch is stopped', async () => {
      let hints = 0;
      let notify = (): void => {};
      const stop = provider.watch(() => {
        hints++;
        notify();
      });
      try {
        const hinted = new Promise<void>((resolve) => {
          notify = resolve;
        });
        await provider.create(echo());
        await hinted;
      } finally {
        stop();
      }
      const before = hints;
      await provider.scale(ref, 0);
      expect(hints).to.equal(before);
    });

    it('answers a ping and tells what it is', async () => {
      await provider.ping();
      const info = await provider.info();
      expect([info.provider, info.orchestration, info.version.release, info.version.sha]).to.not.include('');
    });
  });
}

/** Waits for a snapshot of which `isTrue` holds; fails with the last one after 30 s. */
export async function until(
  provider: Provider,
  isTrue: (functions: FunctionSnapshot[]) => boolean,
): Promise<FunctionSnapshot[]> {
  const end = Date.now() + 30_000;
  for (;;) {
    const functions = await provider.snapshot();
    if (isTrue(functions)) return functions;
    if (Date.now() > end) throw new Error(`it never came true of ${JSON.stringify(functions)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Repeats `check` until it is true; fails after 30 s. */
export async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function runningOf(functions: readonly FunctionSnapshot[], name: string): number {
  const one = functions.find((snapshot) => snapshot.ref.name === name);
  return one?.replicas.filter((replica) => replica.isRunning).length ?? 0;
}

/** The error of a call that must fail with `code`. */
export async function failure(call: Promise<unknown>, code: FaasErrorCode): Promise<FaasError> {
  const error = await call.then(
    () => new Error('it succeeded'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof FaasError)) throw error;
  expect(error.code, error.message).to.equal(code);
  return error;
}
