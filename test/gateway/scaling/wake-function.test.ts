import { expect } from 'chai';
import { wakeFunction } from '../../../gateway/scaling/wake-function.ts';
import { createFakeProvider } from '../../support/fake-provider.ts';

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
      await wakeFunction(provider, ref);
      expect((await provider.read(ref)).replicas).to.equal(replicas);
    }
  });

  it('leaves a function alone that another has woken meanwhile', async () => {
    const provider = await asleep({});
    await provider.scale(ref, 7);
    await wakeFunction(provider, ref);
    expect((await provider.read(ref)).replicas).to.equal(7);
  });
});
