import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { docker } from '../support/cli.ts';
import { deployPatient, type PatientFunction } from '../support/patient-function.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const IDLE_MS = 2000;
const SLEEPY = { zero: 'true', 'zero-duration': `${IDLE_MS / 1000}s` };
/** Of the calls that come around the moment of sleep. */
const ROUNDS = 12;

describe('scaling to zero and back', function () {
  this.timeout(180_000);
  let platform: Platform;
  let sleeper: PatientFunction;

  const isAsleep = async (): Promise<boolean> => (await sleeper.status()).replicas === 0;
  const asleep = (): Promise<void> => until(`${sleeper.name} asleep`, isAsleep);
  /** Asleep, and the replica that was told to end has ended: for a moment it may still answer a call, which wakes nobody then. */
  const atRest = async (): Promise<void> => {
    await asleep();
    const label = `label=com.docker.swarm.service.name=${sleeper.name}`;
    await until('the end of its last container', async () => {
      const { stdout } = await docker('ps', '-q', '--filter', label);
      return stdout.trim() === '';
    });
  };

  before(async () => {
    platform = await openPlatform();
    sleeper = await deployPatient(platform, 'e2e-sleeper', SLEEPY);
  });
  after(() => sleeper.remove());

  it('puts a function to sleep that was never called', async () => {
    await asleep();
    await until('no replica', async () => (await sleeper.status()).availableReplicas === 0);
  });

  it('wakes it for a call, and for many at once', async () => {
    await atRest();
    expect(await sleeper.call({ body: 'wake up' })).to.equal('200');
    expect((await sleeper.status()).replicas).to.equal(1);
    await asleep();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, call) => sleeper.call({ body: `call ${call}` })),
    );
    expect(answers).to.deep.equal(Array.from({ length: 20 }, () => '200'));
  });

  it('leaves it awake as long as a call lasts, however long', async () => {
    await atRest();
    let isOver = false;
    const call = sleeper.call({ seconds: (3 * IDLE_MS) / 1000 }).finally(() => {
      isOver = true;
    });
    await until('awake', async () => !(await isAsleep()));
    let looks = 0;
    let sleeps = 0;
    while (!isOver) {
      if ((await isAsleep()) && !isOver) sleeps++;
      looks++;
      await sleep(100);
    }
    expect(await call).to.equal('200');
    expect(looks).to.be.greaterThan(5);
    expect(sleeps).to.equal(0);
    await asleep();
  });

  it('loses no call of a steady trickle, whichever moment of falling asleep it meets', async () => {
    const answers: Promise<string>[] = [];
    let wakings = 0;
    for (let round = 0; round < ROUNDS; round++) {
      if (await isAsleep()) wakings++;
      answers.push(sleeper.call({ body: `round ${round}` }));
      // From before it is idle to after its last replica has ended.
      await sleep(IDLE_MS * 0.9 + (round / ROUNDS) * 2 * IDLE_MS);
    }
    expect(await Promise.all(answers)).to.deep.equal(Array.from({ length: ROUNDS }, () => '200'));
    expect(wakings).to.be.greaterThan(2);
  });

  it('leaves a function at 0 that somebody has put there, until it is called', async () => {
    const other = await deployPatient(platform, 'e2e-stopped', { type: 'rps', min: '1', max: '3' });
    try {
      await until('a replica', async () => (await other.status()).availableReplicas === 1);
      await other.scale(0);
      await sleep(3000);
      expect((await other.status()).replicas).to.equal(0);
      expect(await other.call()).to.equal('200');
      expect((await other.status()).replicas).to.equal(1);
    } finally {
      await other.remove();
    }
  });
});
