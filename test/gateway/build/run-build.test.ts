import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import type { BuildProgress } from '../../../contract/function-types.ts';
import type { BuildRequest, BuildResult, ImageBuilder } from '../../../gateway/build/image-builder.ts';
import { runBuild } from '../../../gateway/build/run-build.ts';
import { FaasError } from '../../../gateway/errors.ts';
import { createFakeProvider } from '../../support/fake-provider.ts';
import { bodyOf, configEntry, tarOf } from './build-tar.ts';

describe('running a build', () => {
  const provider = createFakeProvider();
  const signal = new AbortController().signal;
  const dockerfile = ['context/Dockerfile', 'FROM scratch'] as const;
  const requestFor = async (config: object) => bodyOf(await tarOf(configEntry(config), dockerfile));

  const builderThat = (
    build: (
      request: BuildRequest,
      onLine: (line: string) => void,
      signal: AbortSignal,
    ) => Promise<BuildResult>,
  ): ImageBuilder => ({ build });
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
      provider,
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

  it('gives the whole log at the end', async () => {
    const last = await runBuild(await requestFor({ image: 'fn:1' }), { builder: good, provider, signal });
    expect(last.log.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal([
      'building fn:1',
      'Step 1/1 : FROM scratch',
      'built fn:1 (sha256:1)',
    ]);
  });

  it('creates the function when there is none, and updates it from then on', async () => {
    const config = { image: 'fn:1', deploy: { service: 'fn', envVars: { a: '1' } } };
    expect((await runBuild(await requestFor(config), { builder: good, provider, signal })).status).to.equal(
      'success',
    );
    const next = { ...config, image: 'fn:2' };
    expect((await runBuild(await requestFor(next), { builder: good, provider, signal })).status).to.equal(
      'success',
    );
    expect((await provider.read({ name: 'fn', namespace: 'openfaas-fn' })).image).to.equal('fn:2');
  });

  it('tells a build that failed as a result, and deploys nothing', async () => {
    const builder = builderThat(async () => ({ kind: 'failed', error: 'COPY failed: no such file' }));
    const request = await requestFor({ image: 'fn:1', deploy: { service: 'fn' } });
    const last = await runBuild(request, { builder, provider, signal });
    expect([last.status, last.error]).to.deep.equal(['failed', 'COPY failed: no such file']);
    expect(await provider.list()).to.deep.equal([]);
  });

  it('tells a deployment that failed after the build', async () => {
    const request = await requestFor({ image: 'fn:1', deploy: { service: 'fn', secrets: ['none'] } });
    const last = await runBuild(request, { builder: good, provider, signal });
    expect(last.status).to.equal('failed');
    expect(last.error).to.include('was built, but not deployed').and.include('none');
  });

  it('refuses a wrong request before it tells any progress', async () => {
    let told = 0;
    const call = runBuild(await requestFor({}), {
      builder: good,
      provider,
      signal,
      onProgress: () => told++,
    });
    const error = await call.catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(FaasError).with.property('code', 'invalid_request');
    expect(told).to.equal(0);
  });

  it('ends a build that takes longer than the limit', async () => {
    const request = await requestFor({ image: 'fn:1' });
    const last = await runBuild(request, {
      builder: builderThat(untilAborted),
      provider,
      signal,
      timeoutMs: 20,
    });
    expect(last.status).to.equal('failed');
    expect(last.error).to.include('longer than');
  });

  it('ends a build whose client has gone', async () => {
    const client = new AbortController();
    const request = await requestFor({ image: 'fn:1' });
    const builder = builderThat((_, __, ended) => {
      client.abort(new Error('gone'));
      return untilAborted(_, __, ended);
    });
    const error = await runBuild(request, { builder, provider, signal: client.signal }).catch(
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
