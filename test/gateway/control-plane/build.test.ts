import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { BuildProgress } from '../../../contract/function-types.ts';
import type { RunBuild } from '../../../gateway/control-plane/build.ts';
import { progressLines } from '../../../gateway/control-plane/progress-lines.ts';
import { FaasError } from '../../../gateway/errors.ts';
import {
  basic,
  CREDENTIALS,
  type RunningControlPlane,
  startControlPlane,
} from '../../support/control-plane.ts';

const NDJSON = { accept: 'application/x-ndjson' };
const step = (message: string): BuildProgress => ({ log: [message], image: 'i', status: 'in_progress' });

describe('POST /system/build', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  const start = async (runBuild: RunBuild): Promise<void> => {
    control = await startControlPlane({ runBuild });
  };

  it('hands over the body and answers one object', async () => {
    await start(async (tar) => ({ log: [await text(tar)], image: 'i', status: 'success' }));
    const response = await control.call('POST', '/system/build', 'the tar');
    expect(response.headers.get('content-type')).to.contain('application/json');
    expect(await response.json()).to.deep.equal({ log: ['the tar'], image: 'i', status: 'success' });
  });

  it('answers a failed build with 200, as clients want it', async () => {
    await start(async () => ({ log: [], image: 'i', status: 'failed', error: 'exit 1' }));
    const response = await control.call('POST', '/system/build', 'x');
    expect([response.status, ((await response.json()) as BuildProgress).status]).to.deep.equal([
      200,
      'failed',
    ]);
  });

  it('sends progress as it comes when asked to, each line of the log once', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { promise: clientRead, resolve: goOn } = Promise.withResolvers<void>();
    await start(async (tar, { onProgress }) => {
      await text(tar);
      onProgress(step('one'));
      await clientRead;
      onProgress(step('two'));
      return { log: ['one', 'two'], image: 'i', status: 'success' };
    });
    const response = await control.call('POST', '/system/build', 'x', NDJSON);
    expect(response.headers.get('content-type')).to.contain('application/x-ndjson');
    let received = '';
    for await (const chunk of response.body ?? []) {
      received += new TextDecoder().decode(chunk);
      goOn(); // the first line is here while the build still runs
    }
    const lines = received.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).log)).to.deep.equal([['one'], ['two'], []]);
    process.off('warning', onWarning);
    expect(warnings).to.deep.equal([]);
  });

  for (const headers of [{}, NDJSON]) {
    it(`refuses a wrong request with its status, ${JSON.stringify(headers)}`, async () => {
      await start(async () => {
        throw new FaasError('invalid_request', 'the body is no tar');
      });
      const response = await control.call('POST', '/system/build', 'x', headers);
      expect([response.status, await response.text()]).to.deep.equal([400, 'the body is no tar\n']);
    });
  }

  it('ends a stream that breaks off with a failed line', async () => {
    await start(async (_tar, { onProgress }) => {
      onProgress(step('one'));
      throw new Error('internals');
    });
    const response = await control.call('POST', '/system/build', 'x', NDJSON);
    const last = JSON.parse((await response.text()).trimEnd().split('\n').at(-1) ?? '');
    expect(last).to.include({ status: 'failed', error: 'the gateway failed: see its log' });
  });

  it('runs one build at a time', async () => {
    const { promise: first, resolve: finish } = Promise.withResolvers<BuildProgress>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    let builds = 0;
    await start(async () => {
      begin();
      return builds++ === 0 ? await first : step('second');
    });
    const running = control.call('POST', '/system/build', 'x');
    await begun;
    const refused = await control.call('POST', '/system/build', 'x');
    expect([refused.status, refused.headers.get('x-skep-error')]).to.deep.equal([429, 'builder_busy']);
    expect(Number(refused.headers.get('retry-after'))).to.be.greaterThan(0);
    finish(step('first'));
    expect((await running).status).to.equal(200);
    expect((await control.call('POST', '/system/build', 'x')).status).to.equal(200);
  });

  it('ends the build when the client goes away', async () => {
    const { promise: aborted, resolve: onAborted } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await start(async (tar, { signal }) => {
      await text(tar);
      signal.addEventListener('abort', () => onAborted());
      begin();
      await aborted;
      throw new Error('gone');
    });
    const leaving = new AbortController();
    const call = fetch(`${control.url}/system/build`, {
      method: 'POST',
      body: 'x',
      headers: { authorization: basic(CREDENTIALS.username, CREDENTIALS.password) },
      signal: leaving.signal,
    }).catch((error: unknown) => error);
    await begun;
    leaving.abort();
    await aborted;
    expect(await call).to.be.instanceOf(Error);
  });
});

describe('progressLines', () => {
  it('keeps every line under 64 KiB and loses nothing of the log', () => {
    const log = ['short', '\u001b'.repeat(100_000), 'ü'.repeat(50_000)];
    const lines = progressLines({ log, image: 'i', status: 'success', duration: 1 }).trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).to.be.lessThan(64 * 1024);
    const parsed = lines.map((line) => JSON.parse(line) as BuildProgress);
    expect(parsed.flatMap((each) => each.log).join('')).to.equal(log.join(''));
    expect(parsed.at(-1)).to.include({ status: 'success', duration: 1 });
  });
});
