import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { FunctionSnapshot, Replica } from '../../../gateway/functions/provider.ts';
import { ReplicaMetrics, type ReplicaMetricsOptions } from '../../../gateway/metrics/replica-metrics.ts';
import { type MetricsServer, startMetricsServer } from '../../../gateway/metrics/server.ts';

const CPU = 'pod_cpu_usage_seconds_total';
const replica = (id: string, changes: Partial<Replica> = {}): Replica => ({
  id,
  address: '127.0.0.1',
  isRunning: true,
  ...changes,
});
const snapshot = (name: string, replicas: readonly Replica[]): FunctionSnapshot => ({
  ref: { name, namespace: 'ns' },
  labels: {},
  annotations: {},
  envVars: {},
  desired: replicas.length,
  replicas,
  createdAt: '2026-01-01T00:00:00Z',
});

describe("the replicas' metrics on 8082", () => {
  const servers: Server[] = [];
  let gateway: MetricsServer | undefined;

  afterEach(async () => {
    await gateway?.close();
    gateway = undefined;
    for (const server of servers.splice(0)) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  });

  const listen = async (listener: RequestListener): Promise<number> => {
    const server = createServer(listener);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const start = async (
    snapshots: readonly FunctionSnapshot[] | undefined,
    options: ReplicaMetricsOptions = {},
  ): Promise<ReplicaMetrics> => {
    const replicas = new ReplicaMetrics(options);
    if (snapshots !== undefined) replicas.sync(snapshots);
    gateway = await startMetricsServer({ host: '127.0.0.1', port: 0, page: async () => '', replicas });
    return replicas;
  };
  const ask = async (path: string, headers?: Record<string, string>): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${gateway?.port}${path}`, headers && { headers });
    return [response.status, await response.text()];
  };
  /** The page of replica `a` of function `echo`, whose container answers so. */
  const pageOf = async (
    listener: RequestListener,
    options: Omit<ReplicaMetricsOptions, 'port'> = {},
  ): Promise<[number, string]> => {
    await start([snapshot('echo', [replica('a')])], { ...options, port: await listen(listener) });
    return ask('/replicas/a/metrics');
  };

  it('are listed as Prometheus wants it: one target for each running replica, at the address it asked', async () => {
    await start([
      snapshot('echo', [
        replica('a'),
        replica('b'),
        replica('c', { isRunning: false }),
        replica('d', { address: undefined }),
      ]),
      snapshot('none', []),
    ]);
    const response = await fetch(`http://127.0.0.1:${gateway?.port}/replicas`, {
      headers: { host: 'gateway:8082' },
    });
    expect(response.headers.get('content-type')).to.equal('application/json');
    const target = (id: string): unknown => ({
      targets: ['gateway:8082'],
      labels: {
        __metrics_path__: `/replicas/${id}/metrics`,
        instance: id,
        function_name: 'echo.ns',
        namespace: 'ns',
      },
    });
    expect(await response.json()).to.deep.equal([target('a'), target('b')]);
  });

  it('are the same targets whichever gateway lists them', async () => {
    const snapshots = [snapshot('echo', [replica('a')])];
    const [one, other] = [new ReplicaMetrics(), new ReplicaMetrics()];
    one.sync(snapshots);
    other.sync(snapshots);
    expect(one.targets('gateway:8082')).to.deep.equal(other.targets('gateway:8082'));
  });

  it('are not listed before the cluster was read: no list is better than an empty one', async () => {
    const replicas = await start(undefined);
    expect((await ask('/replicas'))[0]).to.equal(503);
    replicas.sync([]);
    expect(await ask('/replicas')).to.deep.equal([200, '[]']);
  });

  it('are not listed for a Host that is none', async () => {
    await start([]);
    for (const host of ['a b', 'x/y', 'user@host', 'a:99999999']) {
      expect((await ask('/replicas', { host }))[0], host).to.equal(400);
    }
  });

  it('come from the replica, with no label of its own', async () => {
    let asked = '';
    const answer = await pageOf((request, response) => {
      asked = `${request.method} ${request.url}`;
      response.end(`${CPU}{function_name="echo.ns",namespace="ns"} 1.5\nup 0\n`);
    });
    expect(asked).to.equal('GET /metrics');
    expect(answer[0]).to.equal(200);
    expect(answer[1].split('\n').filter((line) => !line.startsWith('#'))).to.deep.equal([`${CPU} 1.5`, '']);
  });

  it('are asked of known replicas alone, never of an address', async () => {
    let asked = 0;
    const port = await listen((_request, response) => {
      asked++;
      response.end();
    });
    const replicas = await start([snapshot('echo', [replica('a')])], { port });
    for (const id of ['b', '127.0.0.1', `127.0.0.1:${port}`, 'a%2F..', '%00', 'a/b', '', 'x'.repeat(200)]) {
      expect((await ask(`/replicas/${id}/metrics`))[0], id).to.equal(404);
    }
    replicas.sync([snapshot('echo', [replica('a', { isRunning: false })])]);
    expect((await ask('/replicas/a/metrics'))[0]).to.equal(404);
    expect(asked).to.equal(0);
  });

  it('are an empty page with the reason where nothing listens, as in images without a watchdog', async () => {
    const port = await listen(() => {});
    const [server] = servers.splice(0);
    server?.close();
    await start([snapshot('echo', [replica('a')])], { port });
    const [status, text] = await ask('/replicas/a/metrics');
    expect(status).to.equal(200);
    expect(text).to.match(/^# no metrics on port \d+ of this replica: .+\n$/);
  });

  it('lead the gateway nowhere else', async () => {
    let visits = 0;
    const elsewhere = await listen((_request, response) => {
      visits++;
      response.end(`${CPU} 666\n`);
    });
    const [status, text] = await pageOf((_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${elsewhere}/` }).end(),
    );
    expect([status, text.includes('answered 302'), visits]).to.deep.equal([200, true, 0]);
  });

  it('take no more than a page has, packed or not', async () => {
    const flood = `${CPU} 1\n`.repeat(100_000);
    expect((await pageOf((_request, response) => response.end(flood)))[1]).to.match(
      /^# .*more than \d+ bytes/,
    );
    await gateway?.close();
    const packed = await pageOf((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(flood)),
    );
    expect(packed).to.deep.equal([200, '# the watchdog tells no usage\n']);
  });

  it('are waited for only so long, also when a page begins and does not end', async () => {
    const silent = await pageOf(() => {}, { timeoutMs: 20 });
    expect(silent).to.deep.equal([200, silent[1]]);
    expect(silent[1]).to.match(/no answer within 20 ms/);
    await gateway?.close();
    const stuck = await pageOf((_request, response) => void response.write(`${CPU} 1\n`), { timeoutMs: 20 });
    expect(stuck[1]).to.match(/no answer within 20 ms/);
  });

  it('are waited for less when they did not answer the last time, as long as ever once in six times, and again when they do', async () => {
    let answers = false;
    const port = await listen((_request, response) => void (answers && response.end(`${CPU} 1\n`)));
    await start([snapshot('echo', [replica('a')])], { port, timeoutMs: 120, impatientMs: 60 });
    const waited = async (): Promise<string> =>
      /within (\d+) ms/.exec((await ask('/replicas/a/metrics'))[1])?.[1] ?? 'answered';
    const times: string[] = [];
    for (let time = 0; time < 8; time++) times.push(await waited());
    expect(times.join(' ')).to.equal('120 120 60 60 60 60 60 120');
    answers = true;
    while ((await waited()) !== 'answered');
    answers = false;
    expect(await waited()).to.equal('120');
  }).timeout(20_000);

  it('can not say a comment that is more than one line', async () => {
    const [, text] = await pageOf((_request, response) => response.writeHead(500, 'x').end('a\nup 0\n'));
    expect(text.trimEnd().split('\n')).to.have.length(1);
  });

  it('are asked of so many replicas at a time, beyond that 503', async () => {
    let arrived = (): void => {};
    const isThere = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let release = (): void => {};
    const port = await listen((_request, response) => {
      release = () => void response.end(`${CPU} 1\n`);
      arrived();
    });
    await start([snapshot('echo', [replica('a'), replica('b')])], { port, mostAtATime: 1 });
    const first = ask('/replicas/a/metrics');
    await isThere;
    expect((await ask('/replicas/b/metrics'))[0]).to.equal(503);
    release();
    expect((await first)[1]).to.contain(`${CPU} 1\n`);
  });
});
