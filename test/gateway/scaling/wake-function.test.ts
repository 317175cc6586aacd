import { expect } from 'chai';
import type { FaasError } from '../../../gateway/errors.ts';
import { ReplicaScaler } from '../../../gateway/scaling/apply.ts';
import { createWaker, wakeFunction } from '../../../gateway/scaling/wake-function.ts';
import { createFakeProvider, type FakeProvider } from '../../support/fake-provider.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const scalerOf = (provider: FakeProvider): ReplicaScaler =>
  new ReplicaScaler({ provider, logger: createQuietLogger().logger });

describe('waking a function', () => {
  const ref = { name: 'echo', namespace: 'openfaas-fn' };
  const asleep = async (labels: Record<string, string>) => {
    const provider = createFakeProvider();
    await provider.create({ service: 'echo', image: 'a', labels });
    await provider.scale(ref, 0);
    return provider;
  };

  it('asks for its minimum, and for one where that is none', async () => {
    for (const [min, replicas] of [
      ['3', 3],
      ['0', 1],
    ] as const) {
      const provider = await asleep({ 'com.openfaas.scale.min': min });
      await wakeFunction(scalerOf(provider), ref);
      expect((await provider.read(ref)).replicas).to.equal(replicas);
    }
  });

  it('asks for the minimum of the time of day', async () => {
    const provider = await asleep({ 'com.skep.scale.schedule': '* * * * * = 4' });
    await wakeFunction(scalerOf(provider), ref);
    expect((await provider.read(ref)).replicas).to.equal(4);
  });

  it('asks for one where a label got in wrong', async () => {
    const provider = await asleep({});
    const { read } = provider;
    provider.read = async (which) => {
      const status = await read(which);
      return { ...status, labels: { ...status.labels, 'com.openfaas.scale.min': 'some' } };
    };
    await wakeFunction(scalerOf(provider), ref);
    expect((await read(ref)).replicas).to.equal(1);
  });

  it('leaves a function alone that another has woken meanwhile', async () => {
    const provider = await asleep({});
    await provider.scale(ref, 7);
    await wakeFunction(scalerOf(provider), ref);
    expect((await provider.read(ref)).replicas).to.equal(7);
  });

  describe('for many at once', () => {
    const key = 'echo.openfaas-fn';

    it('asks the cluster once, and tells all of them', async () => {
      const provider = await asleep({});
      const before = provider.cluster.calls.length;
      const wake = createWaker({ scaler: scalerOf(provider), refOf: () => ref });
      await Promise.all([wake(key), wake(key), wake(key)]);
      await wake(key); // one who comes late finds it awake
      expect(provider.cluster.calls.slice(before)).to.deep.equal([{ kind: 'scale', ref, desired: 1 }]);
    });

    it('tells all of them why it could not be, and tries anew for the next one', async () => {
      const provider = await asleep({});
      const wake = createWaker({ scaler: scalerOf(provider), refOf: () => ref });
      provider.cluster.goDown('no quorum');
      const outcomes = await Promise.allSettled([wake(key), wake(key)]);
      for (const outcome of outcomes) {
        expect(outcome.status === 'rejected' && (outcome.reason as FaasError).code).to.equal(
          'provider_unavailable',
        );
      }
      provider.cluster.comeBack();
      await wake(key);
      expect((await provider.read(ref)).replicas).to.equal(1);
    });

    it('has the last word where somebody is about to put the function to sleep', async () => {
      const provider = createFakeProvider();
      await provider.create({ service: 'echo', image: 'a' });
      const scaler = scalerOf(provider);
      const { promise: decision, resolve: decide } = Promise.withResolvers<number>();
      const sleep = scaler.change(ref, { cause: 'idle', decide: () => decision });
      const woken = createWaker({ scaler, refOf: () => ref })(key);
      decide(0);
      await Promise.all([sleep, woken]);
      expect((await provider.read(ref)).replicas).to.equal(1);
    });

    it('tells who measures it how long ago a call asked, and of nobody who was awake', async () => {
      const provider = await asleep({});
      const told: string[] = [];
      const before = performance.now();
      const wake = createWaker({
        scaler: scalerOf(provider),
        refOf: () => ref,
        onWoken: (which, askedAt) => void told.push(`${which} ${askedAt >= before}`),
      });
      await Promise.all([wake(key), wake(key)]);
      await wake(key);
      expect(told).to.deep.equal([`${key} true`]);
    });

    it('says so when the function was removed meanwhile', async () => {
      const wake = createWaker({ scaler: scalerOf(await asleep({})), refOf: () => undefined });
      const error = await wake(key).catch((reason: unknown) => reason);
      expect((error as FaasError).code).to.equal('function_not_found');
    });
  });
});
