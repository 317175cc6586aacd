import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { signBuild } from '../../../contract/build-signature.ts';
import type { BuildProgress } from '../../../contract/function-types.ts';
import { generateKeyPair } from '../../../contract/sealed-secrets.ts';
import type { BuildSettings, RunBuild } from '../../../gateway/control-plane/build.ts';
import { progressLines } from '../../../gateway/control-plane/progress-lines.ts';
import { FaasError } from '../../../gateway/errors.ts';
import {
  basic,
  CREDENTIALS,
  type RunningControlPlane,
  startControlPlane,
} from '../../support/control-plane.ts';
import { ownTemporaryFolder } from '../../support/own-temporary-folder.ts';
import { until } from '../../support/platform.ts';

const NDJSON = { accept: 'application/x-ndjson' };
const step = (message: string): BuildProgress => ({ log: [message], image: 'i', status: 'in_progress' });

function buildsWith(changes: Partial<BuildSettings>): BuildSettings {
  return {
    runBuild: async (tar) => ({ log: [await text(tar)], image: 'i', status: 'success' }),
    mostBuilds: 1,
    limitBytes: 100_000,
    ...changes,
  };
}

describe('POST /system/build', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  const start = async (runBuild: RunBuild): Promise<void> => {
    control = await startControlPlane({ builds: buildsWith({ runBuild }) });
  };

  it('hands over the body and answers one object', async () => {
    await start(async (tar) => ({ log: [await text(tar)], image: 'i', status: 'success' }));
    const response = await control.call('POST', '/system/build', 'the tar');
    expect(response.headers.get('content-type')).to.contain('application/json');
    expect(await response.json()).to.deep.equal({ log: ['the tar'], image: 'i', status: 'success' });
  });

  it('says by which name the client reached it', async () => {
    const origins: string[] = [];
    await start(async (_tar, { origin }) => {
      origins.push(origin);
      return step('x');
    });
    await control.call('POST', '/system/build', 'x');
    await control.call('POST', '/system/build', 'x', { 'x-forwarded-proto': 'https' });
    expect(origins).to.deep.equal([control.url, control.url.replace('http', 'https')]);
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

  for (const [headers, beat] of [
    [NDJSON, '{"log":[],"image":"i","status":"in_progress"}\n'],
    [{}, '\n'],
  ] as const) {
    it(`says something while a build is silent, and ends as ever, ${JSON.stringify(headers)}`, async () => {
      const { promise: heard, resolve: goOn } = Promise.withResolvers<void>();
      control = await startControlPlane({
        builds: buildsWith({
          heartbeatMs: 5,
          runBuild: async (_tar, { onProgress }) => {
            onProgress(step('one'));
            await heard;
            return { log: ['one'], image: 'i', status: 'success' };
          },
        }),
      });
      const response = await control.call('POST', '/system/build', 'x', headers);
      let received = '';
      for await (const chunk of response.body ?? []) {
        received += new TextDecoder().decode(chunk);
        if (received.endsWith(beat + beat)) goOn();
      }
      expect(response.headers.get('content-type')).to.match(/^application\/(?:x-nd)?json/);
      const last = headers === NDJSON ? received.trimEnd().split('\n').at(-1) : received;
      expect(JSON.parse(last ?? '')).to.include({ image: 'i', status: 'success' });
    });
  }

  it('tells one object of a build that breaks off after a while, too', async () => {
    control = await startControlPlane({
      builds: buildsWith({
        heartbeatMs: 1,
        runBuild: async (_tar, { onProgress }) => {
          onProgress(step('one'));
          await new Promise((resolve) => setTimeout(resolve, 50));
          throw new FaasError('provider_unavailable', 'the engine has gone');
        },
      }),
    });
    const response = await control.call('POST', '/system/build', 'x');
    expect(await response.json()).to.deep.include({ status: 'failed', error: 'the engine has gone' });
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

describe('POST /build', () => {
  ownTemporaryFolder();
  const SECRET = 'pay-load';
  let control: RunningControlPlane;

  afterEach(() => control.close());

  const start = async (changes: Partial<BuildSettings> = {}): Promise<void> => {
    control = await startControlPlane({ builds: buildsWith({ payloadSecret: SECRET, ...changes }) });
  };
  /** Without any login. */
  const post = (
    body: string | ReadableStream,
    signature?: string,
    init: RequestInit = {},
  ): Promise<Response> =>
    fetch(`${control.url}/build`, {
      method: 'POST',
      body,
      ...init,
      headers: { ...(signature !== undefined && { 'x-build-signature': signature }) },
    });
  const refusal = async (response: Response): Promise<string> =>
    `${response.status} ${response.headers.get('x-skep-error')} ${await response.text()}`;

  it('builds what was signed with the payload secret, for whoever has it', async () => {
    await start();
    for (const signature of [signBuild(Buffer.from('the tar'), SECRET)]) {
      const upper = signature.toUpperCase().replace('SHA256', 'sha256');
      for (const each of [signature, upper]) {
        const response = await post('the tar', each);
        expect(await response.json())
          .to.include({ status: 'success' })
          .and.to.have.property('log')
          .that.deep.equals(['the tar']);
      }
    }
  });

  for (const [what, signature] of [
    ['none', undefined],
    ['an empty one', ''],
    ['another kind of one', 'sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['half of one', signBuild(Buffer.from('the tar'), SECRET).slice(0, 40)],
    ['one of another body', signBuild(Buffer.from('another tar'), SECRET)],
    ['one by another secret', signBuild(Buffer.from('the tar'), 'guessed')],
    ['one by no secret', signBuild(Buffer.from('the tar'), '')],
  ] as const) {
    it(`refuses a signature that is ${what}, and reads nothing`, async () => {
      let builds = 0;
      await start({
        runBuild: async () => {
          builds++;
          return step('x');
        },
      });
      expect(await refusal(await post('the tar', signature))).to.match(/^401 invalid_signature /);
      expect(builds).to.equal(0);
      // It held no place.
      expect((await post('the tar', signBuild(Buffer.from('the tar'), SECRET))).status).to.equal(200);
    });
  }

  it('is for building alone: what it builds may not be deployed', async () => {
    const may: boolean[] = [];
    await start({
      runBuild: async (_tar, { mayDeploy }) => {
        may.push(mayDeploy);
        return step('x');
      },
    });
    await post('the tar', signBuild(Buffer.from('the tar'), SECRET));
    await control.call('POST', '/system/build', 'the tar');
    expect(may).to.deep.equal([false, true]);
  });

  it('does not take basic auth for a signature', async () => {
    await start();
    const response = await control.call('POST', '/build', 'the tar');
    expect(await refusal(response)).to.match(/^401 invalid_signature /);
  });

  it('is not there without a payload secret, and says what is missing', async () => {
    await start({ payloadSecret: undefined });
    const told = await refusal(await post('the tar', signBuild(Buffer.from('the tar'), '')));
    expect(told)
      .to.match(/^404 builder_disabled /)
      .and.to.contain('payload-secret')
      .and.to.contain('/system/build');
  });

  it('refuses more bytes than the limit, signed or not', async () => {
    await start();
    const body = 'x'.repeat(100_001);
    expect(await refusal(await post(body, signBuild(Buffer.from(body), SECRET)))).to.match(
      /^413 body_too_large /,
    );
  });

  it('keeps nothing of what it was sent', async () => {
    await start();
    const before = await kept();
    await (await post('the tar', signBuild(Buffer.from('the tar'), SECRET))).text();
    await (await post('the tar', signBuild(Buffer.from('other'), SECRET))).text();
    expect(await kept()).to.deep.equal(before);
  });

  it('gives up a request that does not come in', async () => {
    await start({ arrivals: { longestMs: 20 } });
    const slow = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('the')),
    });
    const response = await post(slow, signBuild(Buffer.from('the tar'), SECRET));
    expect(await refusal(response)).to.match(/^400 invalid_request .*come in/);
  });

  it('gives up a request that comes in more slowly than it may, and its place is free', async () => {
    await start({ arrivals: { graceMs: 500, leastBytesPerSecond: 1000 } });
    const slow = () =>
      new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('the')) });
    const signature = signBuild(Buffer.from('the tar'), SECRET);
    const answers = await Promise.all(Array.from({ length: 16 }, () => post(slow(), signature)));
    for (const response of answers)
      expect(await refusal(response)).to.match(/^400 invalid_request .*a second/);
    expect((await post('the tar', signature)).status).to.equal(200);
  });

  it('is not kept closed by slow requests: the slowest gives way, and is told so', async () => {
    await start({ arrivals: { most: 1, settleMs: 0 } });
    const endless = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
    const signature = signBuild(Buffer.from('the tar'), SECRET);
    const before = await kept();
    const slow = post(endless, signature);
    await until('the slow one has its place', async () => (await kept()).length > before.length);
    expect((await post('the tar', signature)).status).to.equal(200);
    const refused = await slow;
    expect(Number(refused.headers.get('retry-after'))).to.be.greaterThan(0);
    expect(await refusal(refused)).to.match(/^429 builder_busy .*slowest/);
  });

  it('gives nobody else’s place to what its head alone refuses', async () => {
    await start({ arrivals: { most: 1, settleMs: 0 } });
    const before = await kept();
    const slow = Promise.withResolvers<void>();
    const body = new ReadableStream({
      start: async (controller) => {
        controller.enqueue(new TextEncoder().encode('the '));
        await slow.promise;
        controller.enqueue(new TextEncoder().encode('tar'));
        controller.close();
      },
    });
    const honest = post(body, signBuild(Buffer.from('the tar'), SECRET));
    await until('it has its place', async () => (await kept()).length > before.length);
    expect(await refusal(await post('the tar', 'no signature'))).to.match(/^401 invalid_signature /);
    const large = 'x'.repeat(100_001);
    expect(await refusal(await post(large, signBuild(Buffer.from(large), SECRET)))).to.match(/^413 /);
    slow.resolve();
    expect((await honest).status).to.equal(200);
  });

  it('tells requests that come in when the gateway ends to come again', async () => {
    const stopping = new AbortController();
    await start({ stopping: stopping.signal });
    const before = await kept();
    const endless = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
    const coming = post(endless, signBuild(Buffer.from('the tar'), SECRET));
    await until('it comes in', async () => (await kept()).length > before.length);
    stopping.abort(new FaasError('shutting_down', 'send it again'));
    expect(await refusal(await coming)).to.match(/^503 shutting_down send it again/);
  });

  it('keeps no request for which there is too little room', async () => {
    await start({ disk: { freeBytes: async () => 5, floorBytes: 10 } });
    const response = await post('the tar', signBuild(Buffer.from('the tar'), SECRET));
    expect(await refusal(response)).to.match(/^503 provider_unavailable .*make room/);
  });

  it('shares its places with /system/build', async () => {
    const { promise: first, resolve: finish } = Promise.withResolvers<BuildProgress>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await start({
      runBuild: async () => {
        begin();
        return first;
      },
    });
    const running = control.call('POST', '/system/build', 'x');
    await begun;
    const refused = await post('the tar', signBuild(Buffer.from('the tar'), SECRET));
    expect(refused.headers.get('retry-after')).to.equal('10');
    expect(await refusal(refused)).to.match(/^429 builder_busy /);
    finish(step('first'));
    expect((await running).status).to.equal(200);
  });
});

describe('GET /publickey', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  it('tells the key to seal build secrets for, and never the other half', async () => {
    const keyPair = generateKeyPair();
    control = await startControlPlane({ builds: buildsWith({ keyPair }) });
    const response = await fetch(`${control.url}/publickey`);
    const told = await response.text();
    expect(JSON.parse(told)).to.deep.equal({
      key_id: keyPair.publicKey.slice(0, 8),
      algorithm: 'nacl/box',
      public_key: keyPair.publicKey,
    });
    expect(told).not.to.contain(keyPair.privateKey);
  });

  it('says what is missing where there is no key', async () => {
    control = await startControlPlane({ builds: buildsWith({}) });
    const response = await fetch(`${control.url}/publickey`);
    expect([response.status, response.headers.get('x-skep-error')]).to.deep.equal([404, 'builder_disabled']);
    expect(await response.text()).to.contain('builder-key');
  });
});

async function kept(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('skep-build-')).sort();
}

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
