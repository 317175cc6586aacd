import { expect } from 'chai';
import { forgetCalls } from '../support/forget-calls.ts';
import { openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'e2e-scheduled';

interface Call {
  readonly id: string;
}

describe('a function with a schedule', function () {
  this.timeout(120_000);
  let platform: Platform;

  before(async () => {
    platform = await openPlatform();
  });
  afterEach(async () => {
    await removeFunction(platform, NAME);
    await forgetCalls(platform, NAME);
  });

  const deploy = async (annotations: Readonly<Record<string, string>>): Promise<Response> =>
    platform.request('/system/functions', {
      method: 'POST',
      json: {
        service: NAME,
        image: await platform.exampleImage(),
        envProcess: 'cat',
        envVars: { cgi_response: 'false' },
        // A tick that comes while the function is removed is given up at once.
        annotations: { ...annotations, 'com.openfaas.retry.attempts': '0' },
      },
    });

  it('is called at its times, from zero as well, and its calls are told of like any others', async () => {
    const began = Date.now();
    const annotations = { topic: 'cron-function', schedule: '@every 2s', 'com.skep.schedule.body': 'tick' };
    expect((await deploy(annotations)).status).to.equal(202);
    await platform.request(`/system/scale-function/${NAME}`, {
      method: 'POST',
      json: { serviceName: NAME, replicas: 0 },
    });
    let ids: string[] = [];
    await until('three calls', async () => {
      const answer = await platform.request(`/system/calls?function=${NAME}&status=succeeded&limit=100`);
      const { calls } = (await answer.json()) as { calls: readonly Call[] };
      ids = calls.map(({ id }) => id).filter((id) => timeOf(id) > began);
      return ids.length >= 3;
    });
    const times = ids.map(timeOf).sort((a, b) => a - b);
    const [first = 0] = times;
    for (const time of times) expect((time - first) % 2000).to.equal(0);
    const result = await platform.request(`/system/calls/${ids[0]}/result`);
    expect(await result.text()).to.equal('tick');
  });

  it('is refused where the schedule can never come, with the annotation’s name', async () => {
    const answer = await deploy({ topic: 'cron-function', schedule: '0 0 31 2 *' });
    expect(answer.status).to.equal(400);
    expect(await answer.text()).to.contain('annotations: schedule');
  });
});

/** Of `cron-e2e-scheduled.openfaas-fn-20261122T011500Z`. */
function timeOf(id: string): number {
  const [, day = '', time = ''] = /^cron-.*-(\d{8})T(\d{6})Z$/.exec(id) ?? [];
  return Date.parse(
    `${day.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`,
  );
}
