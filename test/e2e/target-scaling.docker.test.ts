import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { deployPatient, type PatientFunction } from '../support/patient-function.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const EXACT = { 'target-proportion': '1', max: '3' };

/** Calls that begin so many times a second, whatever becomes of those before. */
class Load {
  readonly failures: string[] = [];
  readonly #calls = new Set<Promise<void>>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(callee: PatientFunction, { perSecond, seconds }: { perSecond: number; seconds: number }) {
    this.#timer = setInterval(() => {
      const call = callee
        .call({ seconds })
        .catch((error: Error) => error.message)
        .then((answer) => {
          if (answer !== '200') this.failures.push(answer);
          this.#calls.delete(call);
        });
      this.#calls.add(call);
    }, 1000 / perSecond);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#calls);
  }
}

describe('scaling by target', function () {
  this.timeout(300_000);
  let platform: Platform;
  const functions: PatientFunction[] = [];
  const loads: Load[] = [];

  const deploy = async (name: string, labels: Record<string, string>): Promise<PatientFunction> => {
    const deployed = await deployPatient(platform, `e2e-target-${name}`, labels);
    functions.push(deployed);
    await until(`a replica of ${name}`, async () => (await deployed.status()).availableReplicas > 0);
    return deployed;
  };
  const call = (callee: PatientFunction, perSecond: number, seconds = 0): Load => {
    const load = new Load(callee, { perSecond, seconds });
    loads.push(load);
    return load;
  };
  const replicas = async (callee: PatientFunction): Promise<number> => (await callee.status()).replicas;
  const untilReplicas = (callee: PatientFunction, count: number): Promise<void> =>
    until(`${count} replicas of ${callee.name}`, async () => (await replicas(callee)) === count, 120_000);

  before(async () => {
    platform = await openPlatform();
  });
  afterEach(async () => {
    await Promise.all(loads.splice(0).map((load) => load.stop()));
    await Promise.all(functions.splice(0).map((each) => each.remove()));
  });

  it('follows calls a second, calls in flight and milli-CPU up and down again, and leaves a static one alone', async () => {
    const rate = await deploy('rps', { ...EXACT, type: 'rps', target: '8' });
    const flight = await deploy('capacity', { ...EXACT, type: 'capacity', target: '2', max: '2' });
    const cpu = await deploy('cpu', { ...EXACT, type: 'cpu', target: '20', max: '2' });
    const still = await deploy('static', { type: 'rps', target: '1', min: '1', max: '1' });
    call(rate, 20); // 2.5 replicas
    call(flight, 2, 1.5); // three in flight
    call(cpu, 15);
    call(still, 5);
    await Promise.all([untilReplicas(rate, 3), untilReplicas(flight, 2), untilReplicas(cpu, 2)]);
    for (const each of [rate, flight, cpu]) {
      const want = each === rate ? 3 : 2;
      await until(`${want} that serve`, async () => (await each.status()).availableReplicas === want);
    }
    expect(await replicas(still)).to.equal(1);
    const ended = loads.splice(0);
    await Promise.all(ended.map((load) => load.stop()));
    expect(ended.flatMap(({ failures }) => failures)).to.deep.equal([]);
    await Promise.all([rate, flight, cpu].map((each) => untilReplicas(each, 1)));
  });

  it('brings a count that was set by hand back to its maximum', async () => {
    const bounded = await deploy('bounded', { type: 'rps', min: '1', max: '2' });
    await bounded.scale(3);
    await untilReplicas(bounded, 2);
  });

  it('keeps the minimum of a time of day, and of no other', async () => {
    const now = await deploy('now', { 'com.skep.scale.schedule': '* * * * * = 2' });
    const never = await deploy('never', { 'com.skep.scale.schedule': '0 0 29 2 * = 3' });
    await untilReplicas(now, 2);
    await sleep(2000);
    expect([await replicas(now), await replicas(never)]).to.deep.equal([2, 1]);
  });

  it('refuses labels that make no sense, with their names', async () => {
    const image = await platform.exampleImage();
    for (const [name, labels] of [
      ['com.openfaas.scale.target', { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '0' }],
      ['com.openfaas.scale.zero-duration', { 'com.openfaas.scale.zero-duration': 'soon' }],
      ['com.skep.scale.schedule', { 'com.skep.scale.schedule': '* 8-17 * * = 5' }],
      [
        'com.skep.scale.schedule',
        { 'com.skep.scale.schedule': '* * * * * = 5', 'com.openfaas.scale.max': '4' },
      ],
    ] as const) {
      const refused = await platform.request('/system/functions', {
        method: 'POST',
        json: { service: 'e2e-target-refused', image, labels },
      });
      expect(refused.status).to.equal(400);
      expect(await refused.text()).to.contain(name);
    }
  });
});
