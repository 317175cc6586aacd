import { existsSync, type ReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import type { BuildProgress } from '../../../contract/function-types.ts';
import { generateKeyPair, type SecretValues, sealSecrets } from '../../../contract/sealed-secrets.ts';
import type {
  BuildPlan,
  BuildRequest,
  BuildResult,
  ImageBuilder,
} from '../../../gateway/build/image-builder.ts';
import { parseRegistryLogins, RegistryLogins } from '../../../gateway/build/registry-logins.ts';
import { runBuild } from '../../../gateway/build/run-build.ts';
import { FaasError } from '../../../gateway/errors.ts';
import { createFakeProvider } from '../../support/fake-provider.ts';
import { bodyOf, configEntry, tarOf } from './build-tar.ts';

describe('running a build', () => {
  const provider = createFakeProvider();
  const common = { provider, defaultNamespace: 'openfaas-fn', origin: 'http://gw:8080' };
  const signal = new AbortController().signal;
  const dockerfile = ['context/Dockerfile', 'FROM scratch'] as const;
  const requestFor = async (config: object) => bodyOf(await tarOf(configEntry(config), dockerfile));

  const builderThat = (
    build: (
      request: BuildRequest,
      onLine: (line: string) => void,
      signal: AbortSignal,
    ) => Promise<BuildResult>,
  ): ImageBuilder => ({ whyNot: async () => undefined, build });
  const good = builderThat(async (request, onLine) => {
    onLine('Step 1/1 : FROM scratch');
    await text(request.context);
    return { kind: 'built', imageId: 'sha256:1' };
  });

  afterEach(async () => {
    for (const { name, namespace } of await provider.list()) await provider.remove({ name, namespace });
  });

  it('gives the builder the context and tells its lines as they come', async () => {
    const seen: BuildProgress[] = [];
    let files: string[] = [];
    const builder = builderThat(async (request, onLine) => {
      onLine('one');
      files = await namesIn(request);
      return { kind: 'built', imageId: 'sha256:1' };
    });
    const request = await requestFor({ image: 'fn:1' });
    const last = await runBuild(request, {
      builder,
      ...common,
      signal,
      onProgress: (progress) => seen.push(progress),
    });
    expect(files).to.deep.equal(['Dockerfile']);
    expect(last.status).to.equal('success');
    expect(last.image).to.equal('fn:1');
    expect(last.duration).to.be.at.least(0);
    expect(seen.every(({ status, log }) => status === 'in_progress' && log.length === 1)).to.equal(true);
    expect(seen.flatMap(({ log }) => log)).to.deep.equal(last.log);
    expect(last.log[1]).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z one$/);
    expect(provider.cluster.calls).to.deep.equal([]);
  });

  for (const [how, build] of [
    ['is built', async () => ({ kind: 'built', imageId: 'sha256:1' })],
    ['fails', async () => ({ kind: 'failed', error: 'exit 1' })],
    ['cannot be built', () => Promise.reject(new FaasError('provider_unavailable', 'no engine'))],
  ] satisfies [string, () => Promise<BuildResult>][]) {
    it(`keeps nothing of what ${how}`, async () => {
      let kept = '';
      const builder = builderThat(({ context }) => {
        kept = String((context as ReadStream).path);
        expect(existsSync(kept)).to.equal(true);
        return build();
      });
      await runBuild(await requestFor({ image: 'fn:1' }), { builder, ...common, signal }).catch(
        () => undefined,
      );
      expect(existsSync(dirname(kept))).to.equal(false);
    });
  }

  it('gives the whole log at the end', async () => {
    const last = await runBuild(await requestFor({ image: 'fn:1' }), { builder: good, ...common, signal });
    expect(last.log.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal([
      'building fn:1',
      'Step 1/1 : FROM scratch',
      'built fn:1 (sha256:1)',
    ]);
  });

  it('creates the function when there is none, and updates it from then on', async () => {
    const config = { image: 'fn:1', deploy: { service: 'fn', envVars: { a: '1' } } };
    expect((await runBuild(await requestFor(config), { builder: good, ...common, signal })).status).to.equal(
      'success',
    );
    const next = { ...config, image: 'fn:2' };
    expect((await runBuild(await requestFor(next), { builder: good, ...common, signal })).status).to.equal(
      'success',
    );
    expect((await provider.read({ name: 'fn', namespace: 'openfaas-fn' })).image).to.equal('fn:2');
  });

  it('tells a build that failed as a result, and deploys nothing', async () => {
    const builder = builderThat(async () => ({ kind: 'failed', error: 'COPY failed: no such file' }));
    const request = await requestFor({ image: 'fn:1', deploy: { service: 'fn' } });
    const last = await runBuild(request, { builder, ...common, signal });
    expect([last.status, last.error]).to.deep.equal(['failed', 'COPY failed: no such file']);
    expect(await provider.list()).to.deep.equal([]);
  });

  it('tells a deployment that failed after the build', async () => {
    const request = await requestFor({ image: 'fn:1', deploy: { service: 'fn', secrets: ['none'] } });
    const last = await runBuild(request, { builder: good, ...common, signal });
    expect(last.status).to.equal('failed');
    expect(last.error).to.include('was built, but not deployed').and.include('none');
  });

  it('tells where the function answers, in its last line and by itself', async () => {
    const seen: BuildProgress[] = [];
    const last = await runBuild(await requestFor({ image: 'fn:1', deploy: { service: 'fn' } }), {
      builder: good,
      ...common,
      signal,
      onProgress: (progress) => seen.push(progress),
    });
    expect(last.url).to.equal('http://gw:8080/function/fn');
    expect(last.log.at(-1)).to.match(/ fn answers on http:\/\/gw:8080\/function\/fn$/);
    expect(seen.some(({ url }) => url !== undefined)).to.equal(false);
  });

  it('waits for what it deployed to answer, and tells why it does not', async () => {
    const states = [
      { state: 'running' },
      { state: 'running', error: 'task: non-zero exit (1)' },
      { state: 'failed', error: 'task: non-zero exit (1)' },
    ] as const;
    let reads = 0;
    const last = await runBuild(await requestFor({ image: 'fn:1', deploy: { service: 'fn' } }), {
      builder: good,
      ...common,
      signal,
      provider: {
        ...provider,
        read: async (ref) => ({ ...(await provider.read(ref)), rollout: states[reads++] ?? states[2] }),
      },
    });
    expect(reads).to.equal(3);
    expect([last.status, last.error]).to.deep.equal([
      'failed',
      'fn was deployed, but does not run: task: non-zero exit (1)',
    ]);
    expect(last).not.to.have.property('url');
  });

  it('gives nodes the credentials with which it pushed', async () => {
    const auth = Buffer.from('me:pa:ss').toString('base64');
    const logins = parseRegistryLogins(JSON.stringify({ auths: { 'reg.example:5000': { auth } } }));
    const given: (string | undefined)[] = [];
    for (const deploy of [{ service: 'fn' }, { service: 'fn', registryAuth: 'bXk6b3du' }]) {
      await runBuild(await requestFor({ image: 'reg.example:5000/fn:1', deploy }), {
        builder: good,
        ...common,
        signal,
        keys: { logins },
        provider: {
          ...provider,
          update: async (deployment) => {
            given.push(deployment.registryAuth);
            throw new FaasError('invalid_request', 'enough');
          },
        },
      });
    }
    expect(given).to.deep.equal([auth, 'bXk6b3du']);
  });

  it('opens sealed secrets for the builder', async () => {
    const keyPair = generateKeyPair();
    const sealed = sealSecrets(keyPair.publicKey, { token: Buffer.from('hush') });
    let given: SecretValues | undefined;
    const builder = builderThat(async ({ secrets }) => {
      given = secrets;
      return { kind: 'built', imageId: 'sha256:1' };
    });
    const request = () => tarOf(configEntry({ image: 'fn:1' }), dockerfile, ['com.openfaas.secrets', sealed]);
    const keys = { logins: new RegistryLogins() };
    const last = await runBuild(bodyOf(await request()), {
      builder,
      ...common,
      signal,
      keys: { ...keys, keyPair },
    });
    expect(last.status).to.equal('success');
    expect(Buffer.from(given?.['token'] ?? []).toString()).to.equal('hush');
    for (const [wrong, reason] of [
      [keys, 'builder-key'],
      [{ ...keys, keyPair: generateKeyPair() }, 'sealed for the key'],
    ] as const) {
      const call = runBuild(bodyOf(await request()), { builder, ...common, signal, keys: wrong });
      const error = await call.catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(FaasError).with.property('code', 'invalid_request');
      expect((error as Error).message).to.include(reason);
    }
  });

  it('does not begin what its builder refuses, and opens no secrets for it', async () => {
    let builds = 0;
    const asked: BuildPlan[] = [];
    const builder: ImageBuilder = {
      whyNot: async (plan) => {
        asked.push(plan);
        return 'not by this name';
      },
      build: async () => {
        builds++;
        return { kind: 'built', imageId: 'sha256:1' };
      },
    };
    const tar = await tarOf(
      configEntry({ image: 'fn:1', platforms: ['linux/arm64', 'linux/amd64', 'linux/arm64'] }),
      dockerfile,
      ['com.openfaas.secrets', 'sealed for nobody'],
    );
    const options = { builder, ...common, signal, mayDeploy: false };
    expect(await runBuild(bodyOf(tar), options)).to.include({ status: 'failed', error: 'not by this name' });
    expect(builds).to.equal(0);
    expect(asked).to.deep.equal([
      { image: 'fn:1', platforms: ['linux/arm64', 'linux/amd64'], hasSecrets: true, mayReplace: false },
    ]);
  });

  it('does not begin where there is too little room, and is ended when it runs out', async () => {
    let free = 50;
    let builds = 0;
    const builder = builderThat((_, __, ended) => {
      builds++;
      free = 9;
      return untilAborted(_, __, ended);
    });
    const options = { builder, ...common, signal, disk: { freeBytes: async () => free, floorBytes: 10 } };
    const ended = await runBuild(await requestFor({ image: 'fn:1' }), options);
    expect([builds, ended.status]).to.deep.equal([1, 'failed']);
    expect(ended.error).to.include('free').and.to.include('docker image prune');
    const refused = await runBuild(await requestFor({ image: 'fn:1' }), options).catch((error) => error);
    expect([builds, (refused as FaasError).code]).to.deep.equal([1, 'provider_unavailable']);
    expect((refused as FaasError).message).to.include('docker image prune');
    const unknown = { freeBytes: () => Promise.reject(new Error('no such disk')), floorBytes: 10 };
    const built = await runBuild(await requestFor({ image: 'fn:1' }), {
      ...options,
      builder: good,
      disk: unknown,
    });
    expect(built.status).to.equal('success');
  });

  it('makes images of one name one after the other, deployment and all, and others beside them', async () => {
    const begun: string[] = [];
    const first = Promise.withResolvers<void>();
    const waits = Promise.withResolvers<void>();
    const making = builderThat(async ({ image, buildArgs }) => {
      begun.push(`${image} ${buildArgs['by']}`);
      if (buildArgs['by'] === 'first') await first.promise;
      return { kind: 'built', imageId: 'sha256:1' };
    });
    // Whose name it is, is asked when its turn has come.
    const whyNot = async ({ image }: BuildPlan) => {
      begun.push(`may ${image}`);
      return undefined;
    };
    const builder = { ...making, whyNot };
    const run = async (image: string, by: string, onProgress = (_: BuildProgress) => {}) =>
      runBuild(await requestFor({ image, buildArgs: { by } }), { builder, ...common, signal, onProgress });
    const one = run('turns/fn', 'first');
    while (begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const two = run('turns/fn:latest', 'second', ({ log }) => {
      if (log.some((line) => line.includes('waiting for another build'))) waits.resolve();
    });
    await waits.promise;
    const leaving = new AbortController();
    const gone = requestFor({ image: 'turns/fn' }).then((request) =>
      runBuild(request, { builder, ...common, signal: leaving.signal }),
    );
    await run('turns/other', 'third');
    leaving.abort(new Error('gone'));
    expect(await gone.catch((error: Error) => error.message)).to.equal('gone');
    expect(begun).to.deep.equal(['may turns/fn', 'turns/fn first', 'may turns/other', 'turns/other third']);
    first.resolve();
    expect((await Promise.all([one, two])).map(({ status }) => status)).to.deep.equal(['success', 'success']);
    expect(begun.at(-1)).to.equal('turns/fn:latest second');
    expect((await run('turns/fn', 'fourth')).log.join()).not.to.include('waiting');
  });

  it('keeps the end of a log that is too long, and says how much is missing', async () => {
    const builder = builderThat(async (_, onLine) => {
      for (let line = 0; line < 1000; line++) onLine(`${line} ${'x'.repeat(20_000)}`);
      return { kind: 'built', imageId: 'sha256:1' };
    });
    const { log } = await runBuild(await requestFor({ image: 'fn:1' }), { builder, ...common, signal });
    expect(log.join('').length).to.be.lessThan(3_000_000);
    expect(log[0]).to.match(/\(\d+ lines before this one are left out\)$/);
    expect(log.at(-2)).to.match(/Z 999 x+… \(\d+ more characters\)$/);
  });

  it('gives up a request that does not come in', async () => {
    const call = runBuild(new Readable({ read: () => {} }), {
      builder: good,
      ...common,
      signal,
      timeoutMs: 20,
    });
    const error = await call.catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(FaasError).with.property('code', 'invalid_request');
  });

  it('deploys nothing for those who may only build, and builds nothing of such a request', async () => {
    let builds = 0;
    const builder = builderThat(async () => {
      builds++;
      return { kind: 'built', imageId: 'sha256:1' };
    });
    const request = await requestFor({ image: 'fn:1', deploy: { service: 'fn' } });
    const call = runBuild(request, { builder, ...common, signal, mayDeploy: false });
    const error = await call.catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(FaasError).with.property('code', 'invalid_request');
    expect((error as Error).message).to.include('/system/build');
    expect([builds, await provider.list()]).to.deep.equal([0, []]);
  });

  it('refuses a wrong request before it tells any progress', async () => {
    let told = 0;
    const call = runBuild(await requestFor({}), {
      builder: good,
      ...common,
      signal,
      onProgress: () => told++,
    });
    const error = await call.catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(FaasError).with.property('code', 'invalid_request');
    expect(told).to.equal(0);
  });

  it('ends a build that takes longer than the limit', async () => {
    const limit = new AbortController();
    const { timeout } = AbortSignal;
    // The limit is reached once the build goes on: that the request has come in by then depends on the machine otherwise.
    AbortSignal.timeout = () => limit.signal;
    const builder = builderThat((_, __, ended) => {
      limit.abort();
      return untilAborted(_, __, ended);
    });
    const options = { builder, ...common, signal, timeoutMs: 20 };
    const last = await runBuild(await requestFor({ image: 'fn:1' }), options).finally(() => {
      AbortSignal.timeout = timeout;
    });
    expect([last.status, last.error]).to.deep.equal(['failed', 'the build took longer than 0.02 s']);
  });

  it('ends a build whose client has gone', async () => {
    const client = new AbortController();
    const request = await requestFor({ image: 'fn:1' });
    const builder = builderThat((_, __, ended) => {
      client.abort(new Error('gone'));
      return untilAborted(_, __, ended);
    });
    const error = await runBuild(request, { builder, ...common, signal: client.signal }).catch(
      (e: unknown) => e,
    );
    expect(error).to.have.property('message', 'gone');
  });
});

function untilAborted(_: unknown, __: unknown, signal: AbortSignal): Promise<BuildResult> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function namesIn(request: BuildRequest): Promise<string[]> {
  const reader = extract();
  request.context.pipe(reader as unknown as NodeJS.WritableStream);
  const names: string[] = [];
  for await (const entry of reader) {
    names.push(entry.header.name);
    entry.resume();
  }
  return names;
}
