import { expect } from 'chai';
import type { FaasError } from '../../../gateway/errors.ts';
import { ReplicaScaler, type Scaling } from '../../../gateway/scaling/apply.ts';
import { createFakeProvider, type FakeProvider } from '../../support/fake-provider.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

describe('ReplicaScaler', () => {
  const ref = { name: 'echo', namespace: 'openfaas-fn' };
  let provider: FakeProvider;
  let scaler: ReplicaScaler;
  let lines: string[];
  const scaled: Scaling[] = [];

  beforeEach(async () => {
    scaled.length = 0;
    provider = createFakeProvider();
    const quiet = createQuietLogger();
    lines = quiet.lines;
    scaler = new ReplicaScaler({
      provider,
      logger: quiet.logger,
      onScaled: (scaling) => void scaled.push(scaling),
    });
    await provider.create({ service: 'echo', image: 'a' });
  });

  const scaleCalls = (): number[] =>
    provider.cluster.calls.flatMap((call) => (call.kind === 'scale' ? [call.desired] : []));

  it('asks for the count that was decided, tells of it, and leaves one line', async () => {
    const scaling = await scaler.change(ref, { cause: 'rps', decide: () => 3, about: { load: 120 } });
    expect(scaling).to.deep.equal({ ref, cause: 'rps', from: 1, to: 3 });
    expect([scaleCalls(), scaled]).to.deep.equal([[3], [scaling]]);
    const { time: _, ...line } = JSON.parse(lines.join('')) as Record<string, unknown>;
    expect(line).to.deep.equal({
      level: 'info',
      message: 'scaled by rps',
      function: 'echo.openfaas-fn',
      load: 120,
      from: 1,
      to: 3,
    });
  });

  it('asks for nothing, and says nothing, where the count is there already', async () => {
    expect(await scaler.change(ref, { cause: 'rps', decide: () => 1 })).to.equal(undefined);
    expect([scaleCalls(), scaled, lines]).to.deep.equal([[], [], []]);
  });

  it('decides on what the cluster says when its turn has come', async () => {
    const seen: number[] = [];
    const oneMore = {
      cause: 'alert',
      decide: ({ replicas }: { replicas: number }) => {
        seen.push(replicas);
        return replicas + 1;
      },
    } as const;
    await Promise.all([
      scaler.change(ref, oneMore),
      scaler.change(ref, oneMore),
      scaler.change(ref, oneMore),
    ]);
    expect([seen, scaleCalls()]).to.deep.equal([
      [1, 2, 3],
      [2, 3, 4],
    ]);
  });

  it('does not let one function wait for another', async () => {
    await provider.create({ service: 'other', image: 'a' });
    const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
    provider.cluster.beforeCall = (call) => (call.ref.name === 'echo' ? answer : undefined);
    const slow = scaler.change(ref, { cause: 'rps', decide: () => 2 });
    await scaler.change({ ...ref, name: 'other' }, { cause: 'rps', decide: () => 2 });
    letAnswer();
    await slow;
  });

  it('goes on after a change that failed, and tells who asked for that one', async () => {
    provider.cluster.goDown('no quorum');
    const failure = await scaler
      .change(ref, { cause: 'idle', decide: () => 0 })
      .catch((error: unknown) => error);
    expect((failure as FaasError).code).to.equal('provider_unavailable');
    provider.cluster.comeBack();
    await scaler.change(ref, { cause: 'wake', decide: () => 2 });
    expect(scaled.map(({ cause }) => cause)).to.deep.equal(['wake']);
  });

  it('says that a function is unknown', async () => {
    const failure = await scaler
      .change({ ...ref, name: 'gone' }, { cause: 'rps', decide: () => 2 })
      .catch((error: unknown) => error);
    expect((failure as FaasError).code).to.equal('function_not_found');
  });

  describe('with a limit of time', () => {
    it('gives up with its caller, begins nothing late, and keeps what comes next in turn', async () => {
      const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
      provider.cluster.beforeCall = () => answer;
      const first = scaler.change(ref, { cause: 'alert', decide: () => 2 });
      const limit = new AbortController();
      const second = scaler.change(ref, { cause: 'alert', decide: () => 9, limit: limit.signal });
      limit.abort();
      const failure = await second.catch((error: unknown) => error);
      expect((failure as FaasError).code).to.equal('provider_unavailable');
      letAnswer();
      await first;
      await scaler.change(ref, { cause: 'alert', decide: ({ replicas }) => replicas + 1 });
      expect(scaleCalls()).to.deep.equal([2, 3]);
    });

    it('is over at once when it was before', async () => {
      const failure = await scaler
        .change(ref, { cause: 'alert', decide: () => 2, limit: AbortSignal.abort() })
        .catch((error: unknown) => error);
      expect((failure as FaasError).code).to.equal('provider_unavailable');
      expect(scaleCalls()).to.deep.equal([]);
    });
  });
});
