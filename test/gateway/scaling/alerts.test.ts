import { expect } from 'chai';
import type { FunctionAlert } from '../../../contract/parse-alerts.ts';
import { FaasError } from '../../../gateway/errors.ts';
import type { Provider } from '../../../gateway/functions/provider.ts';
import { AlertScaler } from '../../../gateway/scaling/alerts.ts';
import { ReplicaScaler } from '../../../gateway/scaling/apply.ts';
import { createFakeProvider, type FakeProvider } from '../../support/fake-provider.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const namespace = 'openfaas-fn';
const firing = (functionName: string): FunctionAlert => ({ status: 'firing', functionName });

function alertScaler(provider: Pick<Provider, 'read' | 'scale'>, timeoutMs?: number): AlertScaler {
  const { logger } = createQuietLogger();
  return new AlertScaler({
    scaler: new ReplicaScaler({ provider, logger }),
    logger,
    defaultNamespace: namespace,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
}

describe('AlertScaler', () => {
  let provider: FakeProvider;
  let scaler: AlertScaler;

  beforeEach(async () => {
    provider = createFakeProvider();
    scaler = alertScaler(provider);
    await provider.create({ service: 'echo', image: 'a' });
  });

  const replicas = async (name = 'echo', ns = namespace): Promise<number> =>
    (await provider.read({ name, namespace: ns })).replicas;

  it('scales up and back down', async () => {
    expect(await scaler.handle([firing('echo.openfaas-fn')])).to.deep.equal([]);
    expect(await replicas()).to.equal(5);
    await scaler.handle([{ status: 'resolved', functionName: 'echo.openfaas-fn' }]);
    expect(await replicas()).to.equal(1);
  });

  it('takes a name without namespace for the default one', async () => {
    await provider.create({ service: 'echo', namespace: 'dev', image: 'a' });
    await scaler.handle([firing('echo')]);
    expect([await replicas(), await replicas('echo', 'dev')]).to.deep.equal([5, 1]);
    await scaler.handle([firing('echo.dev')]);
    expect([await replicas(), await replicas('echo', 'dev')]).to.deep.equal([5, 5]);
  });

  it('asks the cluster for nothing when the count is right', async () => {
    await scaler.handle([{ status: 'resolved', functionName: 'echo' }]);
    expect(provider.cluster.calls.filter(({ kind }) => kind === 'scale')).to.deep.equal([]);
  });

  it('passes over a function that is gone', async () => {
    expect(await scaler.handle([firing('gone'), firing('no/such name')])).to.deep.equal([]);
  });

  it('does not ask to send again what the cluster will refuse again', async () => {
    provider.scale = () => Promise.reject(new FaasError('invalid_request', 'it has no replica count'));
    const [failure] = await scaler.handle([firing('echo')]);
    expect(failure?.isTransient).to.equal(false);
  });

  it('applies alerts of one function one after the other', async () => {
    let running = 0;
    let most = 0;
    provider.cluster.beforeCall = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    await Promise.all([
      scaler.handle([firing('echo'), firing('echo')]),
      scaler.handle([firing('echo.openfaas-fn')]),
    ]);
    expect([await replicas(), most]).to.deep.equal([13, 1]);
  });

  it('goes on with the others when one fails', async () => {
    await provider.create({ service: 'broken', image: 'a' });
    provider.cluster.beforeCall = ({ ref }) => {
      if (ref.name === 'broken') throw new FaasError('provider_unavailable', 'no quorum');
    };
    expect(await scaler.handle([firing('broken'), firing('echo')])).to.deep.equal([
      { message: 'broken: no quorum', isTransient: true },
    ]);
    expect(await replicas()).to.equal(5);
  });

  it('names the label that is wrong on a service made by hand, and calls it hopeless', async () => {
    const labelled = {
      ...provider,
      read: async (ref: { name: string; namespace: string }) => ({
        ...(await provider.read(ref)),
        labels: { 'com.openfaas.scale.max': 'lots' },
      }),
    };
    const strict = alertScaler(labelled);
    const [failure] = await strict.handle([firing('echo')]);
    expect(failure?.message).to.match(/^echo: label com\.openfaas\.scale\.max: /);
    expect(failure?.isTransient).to.equal(false);
  });

  describe('when the cluster is silent', () => {
    it('gives up in time, and applies nothing late that will be sent again', async () => {
      const hasty = alertScaler(provider, 100);
      const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
      provider.cluster.beforeCall = () => answer;
      const failures = await hasty.handle([firing('echo'), firing('echo')]);
      expect(failures.map(({ message }) => message)).to.deep.equal([
        'echo: the cluster did not answer in time',
        'echo: the cluster did not answer in time',
      ]);
      provider.cluster.beforeCall = undefined;
      letAnswer();
      // The call that was under way goes through; the one that waited behind it does not.
      await hasty.handle([firing('echo')]);
      expect(await replicas()).to.equal(9);
    });

    it('asks nothing more for alerts that were given up, however many wait', async () => {
      const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
      let reads = 0;
      const slow = {
        scale: provider.scale,
        read: async (...args: Parameters<FakeProvider['read']>) => {
          reads += 1;
          await answer;
          return provider.read(...args);
        },
      };
      const hasty = alertScaler(slow, 50);
      const failures = await hasty.handle(Array.from({ length: 1000 }, () => firing('echo')));
      expect(failures.length).to.equal(1000);
      letAnswer();
      await hasty.handle([firing('echo')]);
      expect([reads, await replicas()]).to.deep.equal([2, 5]);
    });
  });
});
