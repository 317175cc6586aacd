import { expect } from 'chai';
import { qualifiedName } from '../../../contract/function-ref.ts';
import { FaasError } from '../../../gateway/errors.ts';
import { ReplicaScaler } from '../../../gateway/scaling/apply.ts';
import { Autoscaler } from '../../../gateway/scaling/autoscaler.ts';
import type { ScalingRole } from '../../../gateway/scaling/gateways.ts';
import { oneGateway } from '../../../gateway/scaling/one-gateway.ts';
import type { ScalableFunction } from '../../../gateway/scaling/watched-function.ts';
import { createFakeProvider, type FakeProvider } from '../../support/fake-provider.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const TICK_MS = 500;
const namespace = 'openfaas-fn';
const ref = { name: 'echo', namespace };
const label = (name: string, value: string): Record<string, string> => ({
  [`com.openfaas.scale.${name}`]: value,
});
const RPS = { ...label('type', 'rps'), ...label('target', '10'), ...label('target-proportion', '1') };
const CAPACITY = {
  ...label('type', 'capacity'),
  ...label('target', '1'),
  ...label('target-proportion', '1'),
};
const QUEUE = { ...label('type', 'queue'), ...label('target', '10'), ...label('target-proportion', '1') };
const SLEEPY = { ...label('zero', 'true'), ...label('zero-duration', '10s') };

/** Lets everything that waits for nothing from outside go on. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('Autoscaler', () => {
  let provider: FakeProvider;
  let scaler: Autoscaler;
  let lines: string[];
  let nowMs: number;
  let todayMs: number;
  let role: ScalingRole;
  let table: ScalableFunction[];
  let measured: number | 'missing' | undefined;
  let queued: number | undefined;
  let isQueueWanted: boolean;
  let hasQueue: boolean;
  let wanted: ReadonlySet<string>;
  const totals = new Map<string, { started: number; inFlight: number }>();
  let onCount: () => Promise<boolean>;
  let functions: () => Iterable<ScalableFunction>;

  beforeEach(() => {
    totals.clear();
    provider = createFakeProvider();
    const quiet = createQuietLogger();
    lines = quiet.lines;
    nowMs = 1_000_000;
    todayMs = Date.parse('2026-03-02T07:00:00Z'); // a Monday
    role = 'leads';
    table = [];
    measured = undefined;
    queued = 0;
    isQueueWanted = false;
    hasQueue = true;
    onCount = async () => true;
    functions = () => table;
    scaler = new Autoscaler({
      functions: () => functions(),
      count: () => onCount(),
      loads: () => new Map(totals),
      gateways: {
        ...oneGateway(),
        get role() {
          return role;
        },
      },
      prometheus: {
        want: (types) => {
          wanted = types;
        },
        load: () => measured,
      },
      get queue() {
        if (!hasQueue) return undefined;
        const want = (isWanted: boolean): void => {
          isQueueWanted = isWanted;
        };
        return { want, load: () => queued };
      },
      scaler: new ReplicaScaler({ provider, logger: quiet.logger }),
      settings: { defaultTarget: 50, maintainMinReplicas: false },
      logger: quiet.logger,
      now: () => nowMs,
      today: () => todayMs,
      everyMs: 1,
    });
  });
  afterEach(() => scaler.stop());

  const deploy = (labels: Record<string, string>, service = 'echo'): Promise<void> =>
    provider.create({ service, image: 'a', labels });
  const redeploy = (labels: Record<string, string>, service = 'echo'): Promise<void> =>
    provider.update({ service, image: 'b', labels });
  const replicas = async (name = 'echo'): Promise<number> =>
    (await provider.read({ name, namespace })).replicas;
  const scalings = (): string[] =>
    lines.flatMap((line) => {
      const { message, from, to } = JSON.parse(line) as Record<string, unknown>;
      return String(message).startsWith('scaled by') ? [`${message}: ${from} to ${to}`] : [];
    });
  const others = (): string[] =>
    lines
      .map((line) => (JSON.parse(line) as { message: string }).message)
      .filter((message) => !message.startsWith('scaled by'));
  const readTable = async (): Promise<void> => {
    table = (await provider.snapshot()).map(({ replicas: all, ...snapshot }) => ({
      ...snapshot,
      key: qualifiedName(snapshot.ref),
      replicas: all.map(({ isRunning }) => ({ isReady: isRunning })),
    }));
  };
  /** Ticks for so long, while so many calls begin each second and none lasts. */
  const pass = async (seconds: number, perSecond = 0, name = 'echo'): Promise<void> => {
    const key = `${name}.${namespace}`;
    for (let ticks = (seconds * 1000) / TICK_MS; ticks > 0; ticks--) {
      const { started, inFlight } = totals.get(key) ?? { started: 0, inFlight: 0 };
      totals.set(key, { started: started + (perSecond * TICK_MS) / 1000, inFlight });
      nowMs += TICK_MS;
      todayMs += TICK_MS;
      await readTable().catch(() => {}); // a cluster that is away leaves the table as it was
      await scaler.tick();
      await settle();
    }
  };
  const hold = (inFlight: number, name = 'echo'): void => {
    const key = `${name}.${namespace}`;
    totals.set(key, { started: (totals.get(key)?.started ?? 0) + inFlight, inFlight });
  };

  describe('by target', () => {
    it('adds the replicas that calls per second need within two seconds, and takes them away when calls end', async () => {
      await deploy(RPS);
      await pass(2);
      await pass(2, 60);
      expect(await replicas()).to.be.within(5, 7);
      await pass(20, 60);
      expect(await replicas()).to.be.within(6, 7);
      await pass(180);
      expect(await replicas()).to.equal(1);
    });

    it('adds replicas for calls in flight', async () => {
      await deploy(CAPACITY);
      await pass(1);
      hold(4);
      await pass(2);
      expect(await replicas()).to.equal(4);
      hold(0);
      await pass(180);
      expect(await replicas()).to.equal(1);
    });

    it('goes by what Prometheus measures for other types, and keeps the count while nothing is known', async () => {
      await deploy({
        ...label('type', 'cpu'),
        ...label('target', '100'),
        ...label('target-proportion', '1'),
      });
      await pass(5);
      expect([...wanted]).to.deep.equal(['cpu']);
      expect(await replicas()).to.equal(1);
      measured = 300;
      await pass(20);
      expect(await replicas()).to.equal(3);
      measured = undefined;
      await pass(400);
      expect(await replicas()).to.equal(3);
      await provider.remove(ref);
      await pass(1);
      expect([...wanted]).to.deep.equal([]);
    });

    it('goes by the calls in its queue, and asks Prometheus for none of them', async () => {
      await deploy(QUEUE);
      await pass(5);
      expect(isQueueWanted).to.equal(true);
      expect([...wanted]).to.deep.equal([]);
      queued = 45;
      await pass(2);
      expect(await replicas()).to.equal(5);
      expect(scalings()).to.deep.equal(['scaled by queue: 1 to 5']);
      queued = undefined;
      await pass(400);
      expect(await replicas()).to.equal(5);
      queued = 0;
      await pass(180);
      expect(await replicas()).to.equal(1);
      await provider.remove(ref);
      await pass(1);
      expect(isQueueWanted).to.equal(false);
    });

    it('wakes a function for the calls in its queue, with as many replicas as they need', async () => {
      await deploy({ ...QUEUE, ...SLEEPY });
      await pass(15);
      expect(await replicas()).to.equal(0);
      queued = 21;
      await pass(1);
      expect(await replicas()).to.equal(3);
      await pass(60);
      expect(await replicas()).to.equal(3);
      queued = 0;
      await pass(60);
      expect(await replicas()).to.equal(0);
    });

    it('leaves alone what says nothing of a type, and what has one count only', async () => {
      await deploy({});
      await deploy({ ...RPS, ...label('min', '2'), ...label('max', '2') }, 'static');
      await pass(5, 100);
      await pass(5, 100, 'static');
      expect([await replicas(), await replicas('static')]).to.deep.equal([1, 2]);
    });

    it('does not fight over a function with somebody who raises it at once', async () => {
      await deploy(CAPACITY);
      const { scale } = provider;
      provider.scale = async (which, desired) => {
        await scale(which, desired);
        if (desired < 4) await scale(which, 4); // before the table was read again
      };
      await provider.scale(ref, 4);
      await pass(100);
      expect(scalings().length).to.be.within(2, 4);
    });

    it('brings a count that somebody set by hand back into its bounds, and leaves 0 alone', async () => {
      await deploy({ ...RPS, ...label('max', '5') });
      await pass(60);
      await provider.scale(ref, 9);
      await pass(1);
      expect(await replicas()).to.be.at.most(5);
      await provider.scale(ref, 0);
      await pass(30, 40);
      expect(await replicas()).to.equal(0);
    });

    it('is not misled by a roll-out, while there are replicas of two versions', async () => {
      await deploy({ ...CAPACITY, ...label('max', '9') });
      hold(3);
      await pass(5);
      expect(await replicas()).to.equal(3);
      functions = () => table.map((fn) => ({ ...fn, replicas: [...fn.replicas, ...fn.replicas] }));
      await pass(20);
      expect(await replicas()).to.equal(3);
    });

    it('has the new labels hold when a function is deployed again', async () => {
      await deploy(RPS);
      hold(5);
      await pass(10, 10);
      expect(await replicas()).to.be.within(1, 2);
      await redeploy(CAPACITY);
      await pass(2);
      expect(await replicas()).to.equal(5);
      await redeploy({});
      hold(9);
      await pass(20);
      expect(await replicas()).to.equal(5);
    });
  });

  describe('to zero', () => {
    it('puts a function to sleep that nobody has called for as long as its labels say', async () => {
      await deploy(SLEEPY);
      await pass(9);
      expect(await replicas()).to.equal(1);
      await pass(2);
      expect(await replicas()).to.equal(0);
      expect(scalings()).to.deep.equal(['scaled by idle: 1 to 0']);
    });

    it('counts anew from each call, from the end of a long one, and from a deployment', async () => {
      await deploy(SLEEPY);
      await pass(8);
      await pass(0.5, 2);
      await pass(9);
      hold(1);
      await pass(15 * 60);
      hold(0);
      await pass(9);
      await redeploy(SLEEPY);
      await pass(9);
      expect(await replicas()).to.equal(1);
      await pass(3);
      expect(await replicas()).to.equal(0);
    });

    it('does so however it is scaled otherwise', async () => {
      await deploy({ ...SLEEPY, ...RPS });
      await deploy({ ...SLEEPY, ...label('min', '2'), ...label('max', '2') }, 'static');
      await pass(12);
      expect([await replicas(), await replicas('static')]).to.deep.equal([0, 0]);
    });

    it('does not when a call came in after that was decided', async () => {
      await deploy(SLEEPY);
      await pass(9);
      let counted = 0;
      onCount = async () => {
        // The second count of a look is the one before the last replica would go.
        if (++counted % 2 === 0)
          totals.set(`echo.${namespace}`, { started: 1, inFlight: counted === 2 ? 1 : 0 });
        return true;
      };
      await pass(2);
      expect(counted).to.be.greaterThan(1);
      expect(await replicas()).to.equal(1);
    });

    it('does not while a worker cannot tell what it has', async () => {
      await deploy(SLEEPY);
      onCount = async () => false;
      await pass(30);
      expect(await replicas()).to.equal(1);
      onCount = async () => true;
      await pass(1);
      expect(await replicas()).to.equal(0);
    });

    it('leaves what was woken awake for as long again', async () => {
      await deploy(SLEEPY);
      await pass(12);
      await provider.scale(ref, 1);
      await pass(9);
      expect(await replicas()).to.equal(1);
      await pass(3);
      expect(await replicas()).to.equal(0);
    });

    it('does so too where nobody saw it asleep', async () => {
      await deploy(SLEEPY);
      const { scale } = provider;
      provider.scale = async (which, desired) => {
        await scale(which, desired);
        if (desired === 0) await scale(which, 1); // woken before the table was read again
      };
      await pass(12);
      expect(scalings()).to.deep.equal(['scaled by idle: 1 to 0']);
      await pass(8);
      expect(scalings()).to.deep.equal(['scaled by idle: 1 to 0']);
      await pass(4);
      expect(scalings()).to.deep.equal(['scaled by idle: 1 to 0', 'scaled by idle: 1 to 0']);
    });

    it('takes a function that was removed and deployed again for another one', async () => {
      await deploy(SLEEPY);
      await pass(9);
      await provider.remove(ref);
      await new Promise((resolve) => setTimeout(resolve, 5)); // another time of creation
      await deploy(SLEEPY);
      await pass(9);
      expect(await replicas()).to.equal(1);
    });
  });

  describe('by the time of day', () => {
    const OFFICE = { 'com.skep.scale.schedule': '* 8-9 * * mon-fri = 3' };

    it('raises the count when a window begins, and lowers it when it ends', async () => {
      await deploy({ ...OFFICE });
      await pass(10);
      expect(await replicas()).to.equal(1);
      todayMs = Date.parse('2026-03-02T08:00:00Z');
      await pass(1);
      expect(await replicas()).to.equal(3);
      todayMs = Date.parse('2026-03-02T10:00:00Z');
      await pass(1);
      expect(await replicas()).to.equal(1);
      expect(scalings()).to.deep.equal(['scaled by schedule: 1 to 3', 'scaled by schedule: 3 to 1']);
    });

    it('keeps a function awake while the window asks for some, and wakes it for that', async () => {
      await deploy({ ...OFFICE, ...SLEEPY });
      await pass(12);
      expect(await replicas()).to.equal(0);
      todayMs = Date.parse('2026-03-02T08:00:00Z');
      await pass(60);
      expect(await replicas()).to.equal(3);
      todayMs = Date.parse('2026-03-02T10:00:00Z');
      await pass(1);
      expect(await replicas()).to.be.at.most(1);
    });
  });

  describe('with other gateways', () => {
    it('does nothing while another one leads, and goes on from what it has seen when it leads itself', async () => {
      role = 'follows';
      await deploy({ ...RPS });
      await deploy({ ...SLEEPY }, 'sleepy');
      await pass(20, 60);
      expect(provider.cluster.calls.filter(({ kind }) => kind === 'scale')).to.deep.equal([]);
      role = 'leads';
      await pass(0.5, 60);
      expect([await replicas(), await replicas('sleepy')]).to.deep.equal([6, 0]);
    });

    it('only adds replicas while it is cut off', async () => {
      await deploy({ ...RPS });
      await deploy({ ...SLEEPY }, 'sleepy');
      role = 'cut_off';
      await pass(10, 60);
      const most = await replicas();
      expect(most).to.be.within(6, 7);
      await pass(200);
      expect([await replicas(), await replicas('sleepy')]).to.deep.equal([most, 1]);
    });
  });

  describe('when something is wrong', () => {
    it('says once what is wrong with a label that got in otherwise, leaves the function alone, and scales the others', async () => {
      await deploy(RPS);
      await deploy(CAPACITY, 'other');
      functions = () =>
        table.map((fn) =>
          fn.ref.name === 'echo' ? { ...fn, labels: { ...fn.labels, ...label('target', '0') } } : fn,
        );
      hold(2, 'other');
      await pass(5, 60);
      expect([await replicas(), await replicas('other')]).to.deep.equal([1, 2]);
      expect(others()).to.deep.equal(['a function is not scaled']);
      expect(lines.find((line) => line.includes('not scaled'))).to.contain('com.openfaas.scale.target');
      functions = () => table;
      await pass(5, 60);
      expect(await replicas()).to.be.greaterThan(1);
    });

    it('says once that nobody measures what a function scales by', async () => {
      await deploy({ ...label('type', 'rsp'), ...label('target', '100') });
      measured = 'missing';
      await pass(120);
      expect(others()).to.deep.equal(['a function is not scaled']);
      expect(lines.join('')).to.contain('nothing in Prometheus measures \\"rsp\\" of it');
      measured = 250;
      await pass(5);
      expect(await replicas()).to.equal(3);
      expect(others().length).to.equal(1);
    });

    it('says once that there is no queue by which a function could be scaled', async () => {
      hasQueue = false;
      await deploy(QUEUE);
      await pass(120);
      expect(await replicas()).to.equal(1);
      expect(others()).to.deep.equal(['a function is not scaled']);
      expect(lines.join('')).to.contain('faas_nats_address is not set');
    });

    it('does not ask again while a change is under way', async () => {
      await deploy(CAPACITY);
      const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
      provider.cluster.beforeCall = () => answer;
      hold(4);
      await pass(5);
      letAnswer();
      await pass(1);
      expect(await replicas()).to.equal(4);
      expect(provider.cluster.calls.filter(({ kind }) => kind === 'scale')).to.deep.equal([
        { kind: 'scale', ref, desired: 4 },
      ]);
    });

    it('leaves to the next look what somebody else has changed since the cluster was read', async () => {
      await deploy(CAPACITY);
      hold(4);
      await pass(0.5);
      await provider.scale(ref, 0);
      functions = () => table.map((fn) => ({ ...fn, desired: 1, replicas: [{ isReady: true }] }));
      await pass(5);
      expect(await replicas()).to.equal(0);
    });

    it('goes on when the cluster is back, having said once that it was away', async () => {
      await deploy(CAPACITY);
      await deploy(CAPACITY, 'other');
      await pass(1);
      provider.cluster.goDown('no quorum');
      hold(4);
      hold(2, 'other');
      await pass(60);
      provider.cluster.comeBack();
      await pass(3);
      expect([await replicas(), await replicas('other')]).to.deep.equal([4, 2]);
      expect(others()).to.deep.equal([
        'the cluster takes no changes of replica counts: functions keep theirs',
        'the cluster takes changes of replica counts again',
      ]);
    });

    it('says once that a function cannot be scaled, and scales the others', async () => {
      await deploy(CAPACITY);
      await deploy(CAPACITY, 'other');
      provider.cluster.beforeCall = (call) => {
        if (call.kind === 'scale' && call.ref.name === 'echo')
          throw new FaasError('invalid_request', 'it runs on every node');
      };
      hold(4);
      hold(2, 'other');
      await pass(120);
      expect([await replicas(), await replicas('other')]).to.deep.equal([1, 2]);
      expect(others()).to.deep.equal(['a function cannot be scaled']);
    });

    it('is not troubled by a function that is gone before it is scaled', async () => {
      await deploy(CAPACITY);
      hold(4);
      await pass(0.5);
      await provider.remove(ref);
      nowMs += TICK_MS;
      await scaler.tick(); // the table is not read yet
      await settle();
      expect(others()).to.deep.equal([]);
    });

    it('asks for few changes at a time, however many functions need one', async () => {
      for (let number = 0; number < 60; number++) await deploy(CAPACITY, `fn-${number}`);
      for (let number = 0; number < 60; number++) hold(2, `fn-${number}`);
      let running = 0;
      let most = 0;
      provider.cluster.beforeCall = async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      };
      await pass(10);
      expect(most).to.be.within(2, 16);
      expect(
        new Set(await Promise.all(Array.from({ length: 60 }, (_, number) => replicas(`fn-${number}`)))),
      ).to.deep.equal(new Set([2]));
    });

    it('tells once of looks that fail, and goes on', async () => {
      let looks = 0;
      let isFailing = true;
      onCount = async () => {
        looks++;
        if (isFailing) throw new Error('no workers');
        return true;
      };
      scaler.start();
      while (looks < 5) await settle();
      isFailing = false;
      while (looks < 10) await settle();
      scaler.stop();
      await settle();
      expect(others()).to.deep.equal(['scaling failed: it is tried again', 'scaling goes on']);
    });

    it('never looks twice at a time, however long one takes, and not again after the end', async () => {
      let running = 0;
      let most = 0;
      let looks = 0;
      onCount = async () => {
        looks++;
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        running--;
        return true;
      };
      scaler.start();
      while (looks < 4) await settle();
      scaler.stop();
      await new Promise((resolve) => setTimeout(resolve, 30));
      const after = looks;
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect([most, looks]).to.deep.equal([1, after]);
    });
  });

  it('lets a change that is under way end before it resigns, and makes no other', async () => {
    await deploy(CAPACITY);
    const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
    provider.cluster.beforeCall = () => answer;
    hold(4);
    await pass(1);
    let isOver = false;
    const resigned = scaler.resign().then(() => {
      isOver = true;
    });
    await settle();
    expect(isOver).to.equal(false);
    letAnswer();
    await resigned;
    expect(await replicas()).to.equal(4);
  });
});
