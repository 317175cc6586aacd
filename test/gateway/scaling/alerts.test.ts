import { expect } from 'chai';
import { ContractError } from '../../../contract/contract-error.ts';
import type { FunctionAlert } from '../../../contract/parse-alerts.ts';
import { FaasError } from '../../../gateway/errors.ts';
import type { Provider } from '../../../gateway/functions/provider.ts';
import type { AlertNews } from '../../../gateway/scaling/alert-memory.ts';
import { AlertScaler, type AlertScalerOptions } from '../../../gateway/scaling/alerts.ts';
import { ReplicaScaler } from '../../../gateway/scaling/apply.ts';
import { RETRY_WINDOW_MS } from '../../../gateway/scaling/weigh-alerts.ts';
import { createFakeProvider, type FakeProvider } from '../../support/fake-provider.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const namespace = 'openfaas-fn';
const ALL_WELL = { failures: [], unreadable: [] };

const firing = (functionName: string): FunctionAlert => ({ status: 'firing', functionName });
const resolved = (functionName: string): FunctionAlert => ({ status: 'resolved', functionName });
/** As Alertmanager sends it. */
const told = (
  status: FunctionAlert['status'],
  functionName = 'echo',
  id = 'a',
  startsAtMs = 1,
): FunctionAlert => ({
  status,
  functionName,
  occurrence: { id, startsAtMs },
});

describe('AlertScaler', () => {
  let provider: FakeProvider;
  let scaler: AlertScaler;
  let lines: readonly string[];
  let nowMs: number;
  let counted: string[];

  const alertScaler = (
    cluster: Pick<Provider, 'read' | 'scale'>,
    options: Partial<AlertScalerOptions> = {},
  ): AlertScaler => {
    const quiet = createQuietLogger();
    lines = quiet.lines;
    return new AlertScaler({
      scaler: new ReplicaScaler({ provider: cluster, logger: quiet.logger }),
      logger: quiet.logger,
      defaultNamespace: namespace,
      onHandled: ({ status, result }) => void counted.push(`${status} ${result}`),
      now: () => nowMs,
      ...options,
    });
  };
  const logged = (message: string): Record<string, unknown>[] =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['message'] === message);
  const replicas = async (name = 'echo', ns = namespace): Promise<number> =>
    (await provider.read({ name, namespace: ns })).replicas;
  const scalings = (): number => provider.cluster.calls.filter(({ kind }) => kind === 'scale').length;

  beforeEach(async () => {
    nowMs = 1_000_000;
    counted = [];
    provider = createFakeProvider();
    scaler = alertScaler(provider);
    await provider.create({ service: 'echo', image: 'a' });
  });

  it('scales up and back down, and counts what it did', async () => {
    expect(await scaler.handle([firing('echo.openfaas-fn')])).to.deep.equal(ALL_WELL);
    expect(await replicas()).to.equal(5);
    await scaler.handle([resolved('echo.openfaas-fn')]);
    expect(await replicas()).to.equal(1);
    await scaler.handle([resolved('echo')]);
    expect(counted).to.deep.equal(['firing applied', 'resolved applied', 'resolved unchanged']);
  });

  it('takes a name without namespace for the default one', async () => {
    await provider.create({ service: 'echo', namespace: 'dev', image: 'a' });
    await scaler.handle([firing('echo')]);
    expect([await replicas(), await replicas('echo', 'dev')]).to.deep.equal([5, 1]);
    await scaler.handle([firing('echo.dev')]);
    expect([await replicas(), await replicas('echo', 'dev')]).to.deep.equal([5, 5]);
  });

  it('asks the cluster for nothing when the count is right', async () => {
    await scaler.handle([resolved('echo')]);
    expect(scalings()).to.equal(0);
  });

  it('leaves a function asleep when its alert is resolved', async () => {
    await provider.scale({ name: 'echo', namespace }, 0);
    await scaler.handle([told('resolved')]);
    expect(await replicas()).to.equal(0);
  });

  it('goes by the minimum that the schedule asks for', async () => {
    const labels = { 'com.skep.scale.schedule': '* * * * * = 3' };
    await provider.create({ service: 'timed', image: 'a', labels });
    await scaler.handle([firing('timed')]);
    const up = await replicas('timed');
    await scaler.handle([resolved('timed')]);
    expect([up, await replicas('timed')]).to.deep.equal([5, 3]);
  });

  it('leaves the count with factor 0, whatever is told', async () => {
    await provider.create({ service: 'fixed', image: 'a', labels: { 'com.openfaas.scale.factor': '0' } });
    await provider.scale({ name: 'fixed', namespace }, 7);
    await scaler.handle([firing('fixed')]);
    await scaler.handle([resolved('fixed')]);
    expect(await replicas('fixed')).to.equal(7);
  });

  it('passes over functions that are gone, in one line however many', async () => {
    expect(await scaler.handle([firing('gone'), firing('no/such name')])).to.deep.equal(ALL_WELL);
    expect(logged('alerts for unknown functions passed over')).to.have.length(1);
    expect(counted).to.deep.equal(['firing ignored', 'firing ignored']);
  });

  it('makes one decision for all alerts of a function in a notification', async () => {
    await scaler.handle([firing('echo'), resolved('echo'), firing('echo.openfaas-fn'), told('firing')]);
    expect([await replicas(), scalings()]).to.deep.equal([5, 1]);
    expect(counted).to.deep.equal(['firing applied', 'resolved ignored', 'firing applied', 'firing applied']);
  });

  it('applies notifications of one function one after the other', async () => {
    let running = 0;
    let most = 0;
    provider.cluster.beforeCall = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    await Promise.all([
      scaler.handle([firing('echo')]),
      scaler.handle([firing('echo.openfaas-fn')]),
      scaler.handle([firing('echo')]),
    ]);
    expect([await replicas(), most]).to.deep.equal([13, 1]);
  });

  it('goes on with the others when one fails', async () => {
    await provider.create({ service: 'broken', image: 'a' });
    provider.cluster.beforeCall = ({ ref }) => {
      if (ref.name === 'broken') throw new FaasError('provider_unavailable', 'no quorum');
    };
    const unreadable = new ContractError('alerts[1].status: is required');
    expect(await scaler.handle([firing('broken'), unreadable, firing('echo')])).to.deep.equal({
      failures: ['broken: no quorum'],
      unreadable: ['alerts[1].status: is required'],
    });
    expect(await replicas()).to.equal(5);
    expect(counted).to.deep.equal(['firing failed', 'firing applied']);
  });

  describe('a notification that is sent again', () => {
    it('makes no second step, until the alert is told again', async () => {
      await scaler.handle([told('firing')]);
      nowMs += 10_000;
      await scaler.handle([told('firing')]);
      expect(await replicas()).to.equal(5);
      nowMs += RETRY_WINDOW_MS;
      await scaler.handle([told('firing')]);
      expect(await replicas()).to.equal(9);
      expect(counted).to.deep.equal(['firing applied', 'firing ignored', 'firing applied']);
    });

    it('makes one step when it comes twice at once', async () => {
      await Promise.all([scaler.handle([told('firing')]), scaler.handle([told('firing')])]);
      expect(await replicas()).to.equal(5);
    });

    it('makes the step that failed, and not another on top of one that only seemed to fail', async () => {
      let isLost = false;
      const cluster: Pick<Provider, 'read' | 'scale'> = {
        read: provider.read,
        scale: async (...args: Parameters<Provider['scale']>): Promise<void> => {
          if (isLost) await provider.scale(...args);
          throw new FaasError('provider_unavailable', 'the connection was lost');
        },
      };
      const careful = alertScaler(cluster);
      expect((await careful.handle([told('firing')])).failures).to.have.length(1);
      expect(await replicas()).to.equal(1);
      isLost = true;
      expect((await careful.handle([told('firing')])).failures).to.have.length(1);
      expect(await replicas()).to.equal(5);
      cluster.scale = provider.scale;
      expect(await careful.handle([told('firing')])).to.deep.equal(ALL_WELL);
      expect(await replicas()).to.equal(5);
    });

    it('goes back to the minimum though the first attempt failed', async () => {
      await scaler.handle([told('firing')]);
      provider.cluster.goDown('no quorum');
      expect((await scaler.handle([told('resolved')])).failures).to.have.length(1);
      provider.cluster.comeBack();
      await scaler.handle([told('resolved')]);
      expect(await replicas()).to.equal(1);
    });
  });

  it('passes over an alert that fired before it was resolved', async () => {
    await scaler.handle([told('firing')]);
    await scaler.handle([told('resolved')]);
    await scaler.handle([told('firing')]);
    expect(await replicas()).to.equal(1);
    await scaler.handle([told('firing', 'echo', 'a', 2)]);
    await scaler.handle([told('resolved')]);
    expect(await replicas()).to.equal(5);
  });

  it('stays up until the last of several alerts is resolved', async () => {
    await scaler.handle([told('firing', 'echo', 'busy')]);
    await scaler.handle([told('firing', 'echo', 'slow')]);
    await scaler.handle([told('resolved', 'echo', 'busy')]);
    expect(await replicas()).to.equal(9);
    await scaler.handle([told('resolved', 'echo', 'slow')]);
    expect(await replicas()).to.equal(1);
  });

  it('tells when an alert fired last, until it is resolved', async () => {
    const key = 'echo.openfaas-fn';
    expect(scaler.firedMs(key)).to.equal(undefined);
    await scaler.handle([told('firing')]);
    nowMs += 30_000;
    expect(scaler.firedMs(key)).to.equal(nowMs - 30_000);
    await scaler.handle([told('resolved')]);
    expect(scaler.firedMs(key)).to.equal(undefined);
    await scaler.handle([firing('echo')]);
    expect(scaler.firedMs(key)).to.equal(nowMs);
    nowMs += 61_000;
    expect(scaler.firedMs(key)).to.equal(undefined);
  });

  describe('two gateways that tell each other what alerts led to', () => {
    let others: AlertScaler[];
    beforeEach(() => {
      const tellOther = (index: number) => (news: AlertNews) => others[1 - index]?.heard(news);
      others = [0, 1].map((index) => alertScaler(provider, { onNews: tellOther(index) }));
    });
    const handle = async (index: number, ...alerts: Parameters<AlertScaler['handle']>[0]): Promise<void> => {
      expect(await others[index]?.handle(alerts)).to.deep.equal(ALL_WELL);
    };

    it('make one step of one notification that comes to both, and another one of the next', async () => {
      await handle(0, told('firing'));
      await handle(1, told('firing'));
      expect(await replicas()).to.equal(5);
      nowMs += 30_000;
      await handle(1, told('firing'));
      expect(await replicas()).to.equal(9);
      await handle(0, told('firing'));
      expect(await replicas()).to.equal(9);
    });

    it('keep what fires at one when another alert is resolved at the other', async () => {
      await handle(0, told('firing', 'echo', 'busy'), told('firing', 'echo', 'slow'));
      await handle(1, told('resolved', 'echo', 'busy'));
      expect(await replicas()).to.equal(5);
      expect(others[1]?.firedMs('echo.openfaas-fn')).to.equal(nowMs);
      await handle(1, told('resolved', 'echo', 'slow'));
      expect(await replicas()).to.equal(1);
      await handle(0, told('firing', 'echo', 'slow'));
      expect(await replicas()).to.equal(1);
    });
  });

  describe('a function that alerts do not scale', () => {
    it('is one with a type of its own: left alone, and told of once', async () => {
      await provider.create({ service: 'typed', image: 'a', labels: { 'com.openfaas.scale.type': 'rps' } });
      const many = Array.from({ length: 1000 }, () => firing('typed'));
      expect(await scaler.handle(many)).to.deep.equal(ALL_WELL);
      expect(await scaler.handle([resolved('typed')])).to.deep.equal(ALL_WELL);
      expect([await replicas('typed'), scalings()]).to.deep.equal([1, 0]);
      expect(lines).to.have.length(1);
      expect(counted).to.have.length(1001);
      expect(new Set(counted)).to.deep.equal(new Set(['firing ignored', 'resolved ignored']));
    });

    it('is one whose labels got in wrong: told of once each, and not asked for again', async () => {
      let max = 'lots';
      const labelled = {
        ...provider,
        read: async (ref: { name: string; namespace: string }) => ({
          ...(await provider.read(ref)),
          labels: { 'com.openfaas.scale.max': max },
        }),
      };
      const strict = alertScaler(labelled);
      for (let time = 0; time < 3; time++)
        expect(await strict.handle([firing('echo')])).to.deep.equal(ALL_WELL);
      max = '-5';
      await strict.handle([firing('echo')]);
      const reasons = logged('a function cannot be scaled by alerts').map(({ reason }) => reason);
      expect(reasons).to.have.length(2);
      expect(reasons[0]).to.match(/^label com\.openfaas\.scale\.max: /);
      expect(new Set(counted)).to.deep.equal(new Set(['firing ignored']));
    });

    it('is one that the cluster will refuse again', async () => {
      provider.scale = () => Promise.reject(new FaasError('invalid_request', 'it has no replica count'));
      expect(await scaler.handle([firing('echo')])).to.deep.equal(ALL_WELL);
      expect(logged('a function cannot be scaled by alerts')).to.have.length(1);
    });
  });

  describe('thousands of alerts', () => {
    const functions = (count: number): string[] => Array.from({ length: count }, (_, n) => `f${n}`);

    it('need no question to the cluster where the table knows', async () => {
      let questions = 0;
      const asked = { ...provider, read: () => Promise.reject(new Error(`question ${++questions}`)) };
      const knowing = alertScaler(asked, {
        known: ({ name }) => (name.endsWith('0') ? { 'com.openfaas.scale.type': 'rps' } : 'no_such_function'),
      });
      expect(await knowing.handle(functions(10_000).map(firing))).to.deep.equal(ALL_WELL);
      expect([questions, lines.length]).to.deep.equal([0, 2]);
    });

    it('are asked for a few at a time, and all applied', async () => {
      let reads = 0;
      let most = 0;
      for (const service of functions(300)) await provider.create({ service, image: 'a' });
      const slow = {
        ...provider,
        read: async (ref: { name: string; namespace: string }) => {
          most = Math.max(most, ++reads);
          await new Promise((resolve) => setImmediate(resolve));
          reads -= 1;
          return provider.read(ref);
        },
      };
      expect(await alertScaler(slow).handle(functions(300).map(firing))).to.deep.equal(ALL_WELL);
      const counts = await Promise.all(functions(300).map((name) => replicas(name)));
      expect(new Set(counts)).to.deep.equal(new Set([5]));
      expect(most).to.be.at.most(16);
    });

    it('that cannot be applied are one line of the log', async () => {
      provider.cluster.goDown('no quorum');
      const { failures } = await scaler.handle(functions(2000).map(firing));
      expect([failures.length, lines.length]).to.deep.equal([2000, 1]);
    });
  });

  describe('when the cluster is silent', () => {
    it('gives up in time; what goes through late is not done again', async () => {
      const hasty = alertScaler(provider, { timeoutMs: 100, now: () => performance.now() });
      const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
      provider.cluster.beforeCall = () => answer;
      expect(await hasty.handle([told('firing')])).to.deep.equal({
        failures: ['echo: the cluster did not answer in time'],
        unreadable: [],
      });
      provider.cluster.beforeCall = undefined;
      letAnswer();
      await hasty.handle([told('firing')]);
      expect(await replicas()).to.equal(5);
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
      const hasty = alertScaler(slow, { timeoutMs: 50, now: () => performance.now() });
      const reports = await Promise.all(Array.from({ length: 1000 }, () => hasty.handle([firing('echo')])));
      expect(reports.filter(({ failures }) => failures.length === 1)).to.have.length(1000);
      letAnswer();
      await hasty.handle([firing('echo')]);
      expect([reads, await replicas()]).to.deep.equal([2, 5]);
    });
  });
});
