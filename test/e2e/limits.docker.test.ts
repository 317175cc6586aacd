import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'e2e-limits';
/** The image is a TypeScript function's: what it is made to run here prints no head of a CGI answer. */
const PLAIN = { cgi_response: 'false', combine_output: 'true' };
const docker = (...args: string[]): Promise<unknown> => promisify(execFile)('docker', args);

describe('limits of a function on the running platform', function () {
  this.timeout(120_000);
  let platform: Platform;

  before(async () => {
    platform = await openPlatform();
    await removeFunction(platform, NAME);
  });
  after(() => removeFunction(platform, NAME));

  const deploy = async (fields: object): Promise<Response> => {
    const image = await platform.exampleImage();
    const json = { service: NAME, image, ...fields };
    const isThere = (await platform.request(`/system/function/${NAME}`)).status === 200;
    return platform.request('/system/functions', { method: isThere ? 'PUT' : 'POST', json });
  };
  const call = async (): Promise<{ status: number; code: string | null; text: string }> => {
    const response = await fetch(`${platform.url}/function/${NAME}`, { method: 'POST' });
    return {
      status: response.status,
      code: response.headers.get('x-skep-error'),
      text: await response.text(),
    };
  };
  const rolledOut = (): Promise<void> =>
    until('the roll-out is done', async () => {
      const status = (await (await platform.request(`/system/function/${NAME}`)).json()) as {
        rollout?: { state: string };
      };
      return status.rollout?.state === 'done';
    });

  it('are refused when they cannot be read, and nothing is deployed', async () => {
    const response = await deploy({ labels: { 'com.skep.limit.concurrency': 'a few' } });
    expect(response.status).to.equal(400);
    expect(await response.text()).to.contain('com.skep.limit.concurrency');
    expect((await platform.request(`/system/function/${NAME}`)).status).to.equal(404);
  });

  it('let all callers of a sleeping function in, one after the other, where its replica takes one at a time', async () => {
    const response = await deploy({
      envProcess: 'sleep 0.02',
      envVars: { ...PLAIN, max_inflight: '1' },
      labels: { 'com.openfaas.scale.min': '0' },
    });
    expect(response.status).to.equal(202);
    const answers = await Promise.all(Array.from({ length: 20 }, call));
    expect(answers.map(({ status }) => status)).to.deep.equal(Array.from({ length: 20 }, () => 200));
    const more = await Promise.all(Array.from({ length: 20 }, call));
    expect(new Set(more.map(({ status }) => status))).to.deep.equal(new Set([200, 429]));
    expect(new Set(more.map(({ code }) => code))).to.deep.equal(new Set([null, 'replicas_busy']));
  });

  it('end a call that takes too long, and say which limit it was', async () => {
    const response = await deploy({
      envProcess: 'sleep 30',
      envVars: PLAIN,
      annotations: { 'com.skep.timeout': '300ms' },
      labels: { 'com.skep.limit.concurrency': '1' },
    });
    expect(response.status).to.equal(202);
    await rolledOut();
    const [first, second] = await Promise.all([call(), call()]);
    const texts = [first, second].map(({ status, code, text }) => `${status} ${code} ${text}`).sort();
    expect(texts[0]).to.contain('429 function_concurrency_limited');
    expect(texts[1]).to.contain('504 upstream_timeout').and.contain('com.skep.timeout (0.3 s)');
  });

  it('have no effect when Docker was told to set them to nonsense', async () => {
    expect((await deploy({ envProcess: 'cat', envVars: PLAIN })).status).to.equal(202);
    await rolledOut();
    const labels = ['com.skep.limit.rate=fast', 'com.openfaas.annotations.com.skep.timeout=soon'];
    await docker('service', 'update', '--quiet', ...labels.flatMap((label) => ['--label-add', label]), NAME);
    await until('the label is there', async () => {
      const status = (await (await platform.request(`/system/function/${NAME}`)).json()) as {
        labels?: Record<string, string>;
      };
      return status.labels?.['com.skep.limit.rate'] === 'fast';
    });
    for (let round = 0; round < 5; round++) expect((await call()).status).to.equal(200);
  });
});
