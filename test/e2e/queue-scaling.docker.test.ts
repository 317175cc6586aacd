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

  /** Whether all of these have succeeded. */
  async function succeeded(ids: readonly (string | null)[]): Promise<boolean> {
    const answers = await Promise.all(ids.map((id) => platform.request(`/system/calls/${id}`)));
    const calls = await Promise.all(answers.map(async (answer) => (await answer.json()) as Call));
    return calls.every(({ status }) => status === 'succeeded');
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
    const answers = await Promise.all(
      Array.from({ length: CALLS }, () =>
        fetch(`${platform.url}/async-function/${NAME}?1`, { method: 'POST', body: '1' }),
      ),
    );
    expect(answers.map((answer) => answer.status)).to.deep.equal(answers.map(() => 202));
    await until('three replicas', async () => (await status()).replicas === 3);
    const ids = answers.map((answer) => answer.headers.get('x-call-id'));
    await until('the end of all calls', () => succeeded(ids), 90_000);
    await until('one replica', async () => (await status()).replicas === 1, 120_000);
  });
});
