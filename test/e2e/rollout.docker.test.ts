import { expect } from 'chai';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'e2e-rollout';
const QUICK = { 'com.skep.rollout.timeout': '4s' };

describe('a roll-out seen through the gateway', function () {
  this.timeout(120_000);
  let platform: Platform;
  let image: string;

  const write = async (method: string, changes: object): Promise<void> => {
    const response = await platform.request('/system/functions', {
      method,
      json: { service: NAME, image, envProcess: 'bun index.js', ...changes },
    });
    expect(response.status, await response.text()).to.equal(202);
  };
  const read = async (): Promise<FunctionStatus> =>
    (await (await platform.request(`/system/function/${NAME}`)).json()) as FunctionStatus;
  const becomes = (state: string): Promise<void> =>
    until(`the roll-out is ${state}`, async () => (await read()).rollout?.state === state);
  const call = (): Promise<Response> =>
    platform.request(`/function/${NAME}?name=Ada`, { method: 'POST', json: {} });
  const remove = (): Promise<void> => removeFunction(platform, NAME);

  before(async () => {
    platform = await openPlatform();
    image = await platform.exampleImage();
    await remove();
  });
  afterEach(remove);

  it('of a version that never answers ends with the version before it, and its callers have waited', async () => {
    await write('POST', { envVars: { v: '1' } });
    await becomes('done');
    // It runs, and listens where nobody calls: Swarm is content with it.
    await write('PUT', { envVars: { v: '2', port: '9999' }, annotations: QUICK });
    await until('only the mute version runs', async () => {
      const response = await platform.request(`/system/function/${NAME}`);
      const { rollout, availableReplicas } = (await response.json()) as FunctionStatus;
      return rollout?.state === 'running' && availableReplicas === 1;
    });
    const answered = await call();
    expect([answered.status, await answered.text()]).to.deep.equal([
      200,
      JSON.stringify({ greeting: 'Hello, Ada!', letters: 3 }),
    ]);
    await becomes('failed');
    const { rollout, envVars, annotations } = await read();
    expect(rollout?.error).to.equal(
      'no replica of the new version answered /_/health within 4 s (nothing listens on port 8080): the version before it is back',
    );
    expect([envVars, annotations]).to.deep.equal([{ v: '1' }, {}]);
    await write('PUT', { envVars: { v: '3' } });
    await becomes('done');
    expect((await read()).envVars).to.deep.equal({ v: '3' });
  });

  it('of two versions that never answer, deployed at the same instant, ends with the one that did', async () => {
    await write('POST', { envVars: { v: '1' } });
    await becomes('done');
    const mute = (v: string): object => ({ envVars: { v, port: '9999' }, annotations: QUICK });
    await Promise.all([write('PUT', mute('2')), write('PUT', mute('3'))]);
    await becomes('failed');
    expect((await read()).envVars).to.deep.equal({ v: '1' });
    expect((await call()).status).to.equal(200);
  });

  it('of a first version that never answers is failed, and stays to be mended', async () => {
    await write('POST', { envVars: { port: '9999' }, annotations: QUICK });
    expect((await read()).rollout).to.deep.equal({ state: 'running' });
    await becomes('failed');
    expect((await read()).rollout?.error).to.match(/^no replica of the new version answered/);
    await write('PUT', {});
    await becomes('done');
    expect((await call()).status).to.equal(200);
  });
});
