import { expect } from 'chai';
import { deployExample, openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'e2e-called-back';

interface Callback {
  readonly state: string;
  readonly attempts: readonly { readonly status?: number; readonly error?: string }[];
}

describe('callbacks of the platform', function () {
  this.timeout(120_000);
  let platform: Platform;

  before(async () => {
    platform = await openPlatform();
    await deployExample(platform, NAME, { envProcess: 'cat', envVars: { cgi_response: 'false' } });
  });
  after(() => removeFunction(platform, NAME));

  const call = (callbackUrl: string): Promise<Response> =>
    fetch(`${platform.url}/async-function/hello-ts`, {
      method: 'POST',
      headers: { 'X-Callback-Url': callbackUrl },
      body: 'you',
    });
  const callbackOf = async (id: string): Promise<Callback> => {
    let callback: Callback | undefined;
    await until(`what becomes of the callback of ${id}`, async () => {
      const answer = await platform.request(`/system/calls/${id}`);
      callback = ((await answer.json()) as { callback?: Callback }).callback;
      return callback?.state === 'delivered' || callback?.state === 'failed';
    });
    return callback ?? expect.fail();
  };

  it('go to a function behind the gateway', async () => {
    const accepted = await call(`http://gateway:8080/function/${NAME}`);
    expect(accepted.status).to.equal(202);
    const callback = await callbackOf(accepted.headers.get('x-call-id') ?? '');
    expect(callback).to.deep.include({ state: 'delivered' });
    expect(callback.attempts.map(({ status }) => status)).to.deep.equal([200]);
  });

  it('go nowhere else inside: not to the platform, nor to the machines', async () => {
    for (const url of [
      'http://prometheus:9090/',
      'http://gateway:8080/system/functions',
      'http://nats:4222/',
    ]) {
      const accepted = await call(url);
      expect(accepted.status, url).to.equal(202);
      const callback = await callbackOf(accepted.headers.get('x-call-id') ?? '');
      expect(callback.state, url).to.equal('failed');
      expect(callback.attempts[0]?.error, url).to.include('internal address');
    }
    for (const url of ['http://127.0.0.1/', 'http://169.254.169.254/', 'http://[::1]/', 'http://0x7f.1/']) {
      const refused = await call(url);
      expect(refused.status, url).to.equal(400);
      expect(await refused.text()).to.include('X-Callback-Url');
    }
  });
});
