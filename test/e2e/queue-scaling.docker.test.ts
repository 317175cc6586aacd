import { expect } from 'chai';
import { forgetCalls } from '../support/forget-calls.ts';
import { deployPatient, type PatientFunction } from '../support/patient-function.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const NAME = 'e2e-queue-scaling';
const CALLS = 30;

interface Call {
  readonly status: string;
}

describe('scaling on the queue', function () {
  this.timeout(240_000);
  let platform: Platform;
  let callee: PatientFunction | undefined;

  before(async () => {
    platform = await openPlatform();
  });
  afterEach(async () => {
    await callee?.remove();
    await forgetCalls(platform, NAME);
  });

  /** Of those that are told of: those that wait for their first attempt are not. */
  async function ended(): Promise<number> {
    const answer = await platform.request(`/system/calls?function=${NAME}&status=succeeded&limit=100`);
    return ((await answer.json()) as { calls: readonly Call[] }).calls.length;
  }

  it('wakes a function for what waits, with as many replicas as that needs, and lets them go', async () => {
    callee = await deployPatient(platform, NAME, {
      type: 'queue',
      target: '5',
      'target-proportion': '1',
      max: '3',
    });
    const { status } = callee;
    await callee.scale(0);
    await until('no replica', async () => (await status()).availableReplicas === 0);
    const before = await ended();
    const answers = await Promise.all(
      Array.from({ length: CALLS }, () =>
        fetch(`${platform.url}/async-function/${NAME}?1`, { method: 'POST', body: '1' }),
      ),
    );
    expect(answers.map((answer) => answer.status)).to.deep.equal(answers.map(() => 202));
    await until('three replicas', async () => (await status()).replicas === 3);
    await until('the end of all calls', async () => (await ended()) - before === CALLS, 90_000);
    await until('one replica', async () => (await status()).replicas === 1, 120_000);
  });
});
