import { join } from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { NatsGateways } from '../../../gateway/nats/nats-gateways.ts';
import { NatsLink } from '../../../gateway/nats/nats-link.ts';
import type { AlertNews } from '../../../gateway/scaling/alert-memory.ts';
import type { FunctionLoad, GatewayLoad } from '../../../gateway/scaling/function-load.ts';
import type { ScalingRole } from '../../../gateway/scaling/gateways.ts';
import { type NatsServer, type NatsServerOptions, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const ONE_OF_SEVERAL = join(import.meta.dirname, 'fixtures', 'one-of-several.ts');
const TICK_MS = 50;

/** One of several gateways, with the loop that scales. */
interface TestGateway {
  readonly gateways: NatsGateways;
  readonly lines: readonly string[];
  own: Map<string, GatewayLoad>;
  /** Sums of the calls that were started, since it began, and the last sum. */
  readonly started: Map<string, number>;
  sum: ReadonlyMap<string, FunctionLoad>;
  stop(): Promise<void>;
}

describe('several gateways on one NATS', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let running: TestGateway[] = [];
  /** What must never be, as it was seen. */
  let doubles: string[] = [];
  let watch: ReturnType<typeof setInterval>;

  const serve = async (options?: NatsServerOptions): Promise<void> => {
    nats = await startNats(options);
  };
  const run = (id: string, { cluster = 'skep' } = {}): TestGateway => {
    const { logger, lines } = createQuietLogger();
    const link = new NatsLink({ host: nats.host, port: nats.port, name: id, logger });
    const gateways = new NatsGateways({ link, cluster, id, logger });
    link.start();
    const timer = setInterval(() => {
      gateway.sum = gateways.exchange(gateway.own);
      for (const [name, { started }] of gateway.sum) {
        gateway.started.set(name, (gateway.started.get(name) ?? 0) + started);
      }
    }, TICK_MS);
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      running = running.filter((each) => each !== gateway);
      await gateways.stop();
      clearInterval(timer);
      await link.stop();
    };
    const gateway: TestGateway = {
      gateways,
      lines,
      own: new Map(),
      started: new Map(),
      sum: new Map(),
      stop: () => (stopped ??= stop()),
    };
    running.push(gateway);
    return gateway;
  };
  const roles = (...of: readonly TestGateway[]): ScalingRole[] => of.map(({ gateways }) => gateways.role);
  const becomes = (
    what: string,
    ...expected: readonly (readonly [TestGateway, ScalingRole])[]
  ): Promise<void> =>
    until(what, async () => expected.every(([gateway, role]) => gateway.gateways.role === role), 20_000);
  const oneLeads = async (
    ...of: readonly TestGateway[]
  ): Promise<{ leader: TestGateway; other: TestGateway }> => {
    await until('one that leads', async () => {
      const all = roles(...of);
      return all.filter((role) => role === 'leads').length === 1 && !all.includes('cut_off');
    });
    const leader = of.find(({ gateways }) => gateways.role === 'leads');
    const other = of.find(({ gateways }) => gateways.role === 'follows');
    if (leader === undefined || other === undefined) throw new Error(`roles: ${roles(...of).join(', ')}`);
    return { leader, other };
  };
  const messages = ({ lines }: TestGateway): string[] =>
    lines.map((line) => String((JSON.parse(line) as { message: string }).message));

  beforeEach(() => {
    doubles = [];
    watch = setInterval(() => {
      if (roles(...running).filter((role) => role === 'leads').length > 1)
        doubles.push(roles(...running).join());
    }, 5);
  });

  afterEach(async () => {
    clearInterval(watch);
    await Promise.all(running.map((gateway) => gateway.stop()));
    await nats.close();
  });

  it('one alone leads', async () => {
    await serve();
    const gateway = run('a');
    expect(gateway.gateways.role).to.equal('follows');
    await becomes('the lead', [gateway, 'leads']);
    expect(gateway.gateways.count).to.equal(1);
    await until('the line', async () => messages(gateway).length > 1);
    expect(messages(gateway)).to.deep.equal(['connected to NATS', 'this gateway scales the functions']);
  });

  it('one of them leads, and all know the calls of all', async () => {
    await serve();
    const [a, b] = [run('a'), run('b')];
    const { other } = await oneLeads(a, b);
    a.own = toLoads({ echo: [3, 1] });
    b.own = toLoads({ echo: [100, 7], cat: [5, 5] });
    await until('the sums', async () =>
      [a, b].every(({ started, sum }) => started.get('echo') === 103 && sum.get('cat')?.inFlight === 5),
    );
    expect(a.sum.get('echo')?.inFlight).to.equal(8);
    expect([a.gateways.count, b.gateways.count]).to.deep.equal([2, 2]);
    const c = run('c');
    await until('what came before', async () => c.sum.get('echo')?.inFlight === 8);
    // Nobody knows when those were.
    expect(c.started.get('echo')).to.equal(0);
    await other.stop();
    await until('the others', async () => c.gateways.count === 2);
    expect(doubles).to.deep.equal([]);
  });

  it('the lead passes on at once when the one that has it stops, and its calls in flight count until it has gone', async () => {
    await serve();
    const [a, b] = [run('a'), run('b')];
    const { leader, other } = await oneLeads(a, b);
    leader.own = toLoads({ echo: [3, 3] });
    await until('its calls', async () => other.sum.get('echo')?.inFlight === 3);
    const id = leader === a ? 'a' : 'b';
    await leader.gateways.resign();
    expect(leader.gateways.role).to.equal('follows');
    // Nobody has to wait until it expires.
    const connection = await connect({ servers: `${nats.host}:${nats.port}` });
    const record = await (await new Kvm(jetstream(connection)).open('skep_leases')).get('scaling');
    expect(record?.json<{ holder: string }>().holder).to.not.equal(id);
    await connection.close();
    await becomes('another one that leads', [other, 'leads']);
    expect(other.sum.get('echo')?.inFlight).to.equal(3);
    await leader.stop();
    await until('its leaving', async () => other.gateways.count === 1 && other.sum.get('echo') === undefined);
    expect(doubles).to.deep.equal([]);
  });

  it('another one leads when the one that leads is killed, and its calls in flight count no more', async () => {
    await serve();
    const child = Bun.spawn([process.execPath, ONE_OF_SEVERAL, 'killed', String(nats.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const reader = child.stdout.getReader();
      let told = '';
      while (!told.includes('leads')) told += new TextDecoder().decode((await reader.read()).value);
      const b = run('b');
      await until(
        'both',
        async () => b.gateways.count === 2 && b.sum.get('echo.openfaas-fn')?.inFlight === 2,
      );
      expect(b.gateways.role).to.equal('follows');
      child.kill('SIGKILL');
      await becomes('another one that leads', [b, 'leads']);
      await until(
        'its calls',
        async () => b.gateways.count === 1 && b.sum.get('echo.openfaas-fn') === undefined,
      );
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  });

  it('one that was stopped and goes on does not lead any more', async () => {
    await serve();
    const child = Bun.spawn([process.execPath, ONE_OF_SEVERAL, 'stopped', String(nats.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const reader = child.stdout.getReader();
      const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
      while (!(await read()).includes('leads'));
      const b = run('b');
      await until('both', async () => b.gateways.count === 2);
      child.kill('SIGSTOP');
      await becomes('another one that leads', [b, 'leads']);
      child.kill('SIGCONT');
      expect(await read()).to.equal('follows\n');
      await until('both', async () => b.gateways.count === 2);
      expect(b.gateways.role).to.equal('leads');
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  });

  it('none may remove replicas while NATS is away; it comes back with nothing in it, and one leads again', async () => {
    await serve();
    const [a, b] = [run('a'), run('b')];
    await oneLeads(a, b);
    await nats.kill();
    await becomes('both cut off', [a, 'cut_off'], [b, 'cut_off']);
    expect(a.sum).to.deep.equal(new Map());
    // What lasts for less than half a second need not be told.
    await until('the loss', async () =>
      [a, b].every((each) => messages(each).some((message) => /out of reach/.test(message))),
    );
    await nats.start();
    await oneLeads(a, b);
    await until('both', async () => a.gateways.count === 2 && b.gateways.count === 2);
    await until('the lines', async () =>
      [a, b].every((each) => messages(each).at(-1)?.endsWith('scales the functions') === true),
    );
    for (const each of [a, b]) {
      // On a machine that stands still for seconds the connection is lost once more: each loss is told once, and each return.
      const told = messages(each).filter((message) => /NATS/.test(message));
      expect(told[0]).to.equal('connected to NATS');
      const losses = told.slice(1);
      expect(losses.length).to.be.greaterThan(0);
      expect(losses).to.deep.equal(
        losses.map((_, index) => (index % 2 === 0 ? 'NATS is away: it is tried on and on' : 'NATS is back')),
      );
      expect(losses.at(-1)).to.equal('NATS is back');
    }
    expect(doubles).to.deep.equal([]);
  });

  it('none leads while NATS is stopped, and one when it goes on', async () => {
    await serve();
    const [a, b] = [run('a'), run('b')];
    await oneLeads(a, b);
    nats.pause();
    await becomes('both cut off', [a, 'cut_off'], [b, 'cut_off']);
    // Long enough for tries to connect to it.
    await until('the loss', async () => messages(a).includes('NATS is away: it is tried on and on'));
    await Bun.sleep(1000);
    nats.resume();
    await oneLeads(a, b);
    expect(doubles).to.deep.equal([]);
  });

  it('one that knows no others leads without NATS, and with it when it comes', async () => {
    await serve();
    await nats.kill();
    const a = run('a');
    await becomes('the lead', [a, 'leads']);
    expect(messages(a)[0]).to.equal('NATS is away: it is tried on and on');
    expect(a.lines[0]).to.include('is the service nats running?');
    await nats.start();
    await until('NATS', async () => messages(a).includes('NATS is back'));
    await becomes('the lead', [a, 'leads']);
  });

  it('none leads where NATS has no JetStream, which is told once; one alone does', async () => {
    await serve({ jetStream: false });
    const a = run('a');
    await becomes('the lead', [a, 'leads']);
    const b = run('b');
    await becomes('both cut off', [a, 'cut_off'], [b, 'cut_off']);
    const trouble = messages(a).filter((message) => /NATS must have JetStream/.test(message));
    expect(trouble.length).to.equal(1);
    a.own = toLoads({ echo: [3, 1] });
    await until('the calls', async () => b.sum.get('echo')?.inFlight === 1);
  });

  it('a store of leases that was made in another way does', async () => {
    await serve();
    const connection = await connect({ servers: `${nats.host}:${nats.port}` });
    const kv = await new Kvm(jetstream(connection)).create('skep_leases', {
      history: 5,
      storage: 'file',
      allow_direct: true,
    });
    await kv.put('scaling', 'not what a gateway writes');
    const [a, b] = [run('a'), run('b')];
    await oneLeads(a, b);
    await kv.delete('scaling');
    await oneLeads(a, b);
    await kv.destroy();
    await until('another store', async () => {
      const names = [];
      for await (const { bucket } of new Kvm(jetstream(connection)).list()) names.push(bucket);
      return names.includes('skep_leases');
    });
    await oneLeads(a, b);
    expect(doubles).to.deep.equal([]);
    await connection.close();
  });

  it('a store of leases that forgets them is told of, and one leads when it is gone', async () => {
    await serve();
    const connection = await connect({ servers: `${nats.host}:${nats.port}` });
    const kv = await new Kvm(jetstream(connection)).create('skep_leases', { ttl: 1000 });
    const [a, b] = [run('a'), run('b')];
    await until('the line', async () =>
      a.lines.some((line) => line.includes('skep_leases forgets after 1000 ms')),
    );
    await becomes('both cut off', [a, 'cut_off'], [b, 'cut_off']);
    await kv.destroy();
    await oneLeads(a, b);
    expect(doubles).to.deep.equal([]);
    await connection.close();
  });

  it('what is no message of a gateway changes nothing, and is told once', async () => {
    await serve();
    const [a, b] = [run('a'), run('b')];
    const { leader } = await oneLeads(a, b);
    const connection = await connect({ servers: `${nats.host}:${nats.port}` });
    const hostile = [
      '',
      '{',
      '[]',
      '\0',
      '{"id":"x","kind":"some","loads":{"echo":[-1,1e99]}}',
      '{"id":"x"}',
    ];
    for (let n = 0; n < 500; n++) connection.publish('skep.skep.loads', hostile[n % hostile.length]);
    connection.publish('skep.skep.loads', new Uint8Array([0xff, 0xfe, 0x00]));
    connection.publish('skep.skep.loads', '['.repeat(500_000));
    for (let n = 0; n < 200; n++) {
      connection.publish('skep.skep.loads', `{"id":"x${n}","kind":"some","loads":{"echo":[1,0]}}`);
    }
    await connection.flush();
    await connection.close();
    a.own = toLoads({ cat: [5, 5] });
    await until('the calls', async () => b.sum.get('cat')?.inFlight === 5);
    expect(leader.gateways.role).to.equal('leads');
    expect(messages(b).filter((message) => /from no gateway of this version/.test(message)).length).to.equal(
      1,
    );
    expect(b.gateways.count).to.be.at.most(100);
  });

  it('what alerts led to at one is heard by the others', async () => {
    await serve();
    const [a, b] = [run('a'), run('b')];
    await until('both', async () => a.gateways.count === 2 && b.gateways.count === 2);
    const heard: AlertNews[] = [];
    b.gateways.onShared((news) => void heard.push(news));
    a.gateways.onShared((news) => expect.fail(`its own: ${JSON.stringify(news)}`));
    const alerts = [{ status: 'firing', occurrence: { id: '0f', startsAtMs: 1_700_000_000_000 } }] as const;
    const news = { key: 'echo.openfaas-fn', alerts, goal: 5, isDone: false };
    a.gateways.share(news);
    await until('the news', async () => heard.length > 0);
    expect(heard).to.deep.equal([news]);
  });

  it('two clusters on one NATS know nothing of each other', async () => {
    await serve();
    const [a, b] = [run('a', { cluster: 'one' }), run('b', { cluster: 'two' })];
    a.own = toLoads({ echo: [3, 1] });
    clearInterval(watch);
    await becomes('both lead', [a, 'leads'], [b, 'leads']);
    expect(b.sum.get('echo')).to.equal(undefined);
    expect([a.gateways.count, b.gateways.count]).to.deep.equal([1, 1]);
  });

  it('5,000 functions are told whole, in messages that the server takes', async () => {
    await serve({ maxPayload: 16_384 });
    const [a, b] = [run('a'), run('b')];
    const names = Array.from(
      { length: 5000 },
      (_, index) => `function-with-a-long-name-${index}.openfaas-fn`,
    );
    a.own = new Map(names.map((name, index) => [name, { started: index + 1, inFlight: index % 3 }]));
    await until('all of them', async () => b.sum.size === 5000);
    expect(names.every((name, index) => b.sum.get(name)?.inFlight === index % 3)).to.equal(true);
    const last = names[4999] ?? '';
    a.own.set(last, { started: 5010, inFlight: 9 });
    await until('the change', async () => b.sum.get(last)?.inFlight === 9);
    expect(b.started.get(last)).to.equal(10);
    expect(messages(a).some((message) => /cannot be told/.test(message))).to.equal(false);
  });
});

function toLoads(fns: Record<string, readonly [number, number]>): Map<string, GatewayLoad> {
  return new Map(
    Object.entries(fns).map(([name, [started, inFlight]]) => [name, { started, inFlight }] as const),
  );
}
