import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const STARTED = 'gateway_function_invocation_started';
const COMPLETED = 'gateway_function_invocation_total';
const IN_FLIGHT = 'gateway_function_invocation_inflight';

describe('what the workers of a gateway count', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;

  beforeEach(async () => {
    replicas = await startReplicas(1, (incoming, outgoing) => {
      if (incoming.url === '/breaks') incoming.socket.destroy();
      else if (incoming.url === '/never') incoming.resume();
      else if (incoming.url === '/half') outgoing.writeHead(200, { 'content-length': 10 }).write('half');
      else if (incoming.url === '/odd') outgoing.writeHead(299).end();
      else setTimeout(() => outgoing.end('done'), 5);
    });
  });
  afterEach(async () => {
    await gateway?.end();
    await replicas.close();
  });

  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    gateway = await runGateway({
      gateway_workers: '2',
      function_port: String(replicas.port),
      access_log: 'all',
      ...settings,
    });
    const json = { service: 'fn', image: 'test:1' };
    expect((await gateway.call('/system/functions', { json })).status).to.equal(202);
  };
  /** Counts by code. */
  const completed = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(await gateway.metric(COMPLETED)).map(([labels, count]) => [
        /code="(.*)"/.exec(labels)?.[1] ?? '',
        count,
      ]),
    );
  const value = async (name: string): Promise<number> => sum(await gateway.metric(name));
  /** Sends what may be a part of a request, and leaves once the gateway has `inFlight` calls. */
  const sendAndLeave = async (bytes: string, inFlight: number): Promise<void> => {
    const socket: Socket = connect(gateway.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.write(bytes);
    await until('the call in flight', async () => (await value(IN_FLIGHT)) === inFlight);
    socket.destroy();
  };

  it('is each call once, whatever its end: answered, left, broken off, refused', async () => {
    await start({ upstream_timeout: '2s' });
    const head = (path: string, more = ''): string =>
      `GET /function/fn${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
    await gateway.call('/function/fn');
    await gateway.call('/function/fn/odd');
    await gateway.call('/function/unknown');
    expect((await gateway.call('/function/fn/breaks')).status).to.equal(502);
    expect((await gateway.call('/function/fn/never')).status).to.equal(504);
    await gateway.call('/function/fn/half').catch(() => {});
    for (const bytes of [
      head('/never'),
      head('/half'),
      head('/never', 'content-length: 100\r\n'),
      head('/never', 'transfer-encoding: chunked\r\n'),
    ]) {
      await sendAndLeave(bytes, 1);
      await until('the end of the call', async () => (await value(IN_FLIGHT)) === 0);
    }
    expect(await completed()).to.deep.equal({ '200': 1, '2xx': 1, '502': 1, '504': 2, '499': 4 });
    expect(await value(STARTED)).to.equal(9);
  });

  it('holds a limit of calls in flight over both, and counts what it refused', async () => {
    await start({ max_inflight: '4' });
    const waiting = Array.from({ length: 4 }, () => connect(gateway.port, '127.0.0.1'));
    for (const socket of waiting) socket.write('GET /function/fn/never HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('four calls in flight', async () => (await value(IN_FLIGHT)) === 4);
    const refused = await Promise.all(Array.from({ length: 20 }, () => gateway.call('/function/fn')));
    expect(refused.map(({ status }) => status)).to.deep.equal(refused.map(() => 429));
    for (const socket of waiting) socket.destroy();
    await until('nothing in flight', async () => (await value(IN_FLIGHT)) === 0);
    expect((await gateway.call('/function/fn')).status).to.equal(200);
    expect(await completed()).to.deep.equal({ '200': 1, '429': 20, '499': 4 });
    expect(await value(STARTED)).to.equal(25);
  });

  it('never goes backwards under load while a worker is killed, which costs nobody but its own connections a call', async () => {
    await start();
    let isOver = false;
    const clients = Array.from({ length: 20 }, () => ({ ok: 0, failed: 0, callIds: [] as string[] }));
    const loads = clients.map(async (client) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!isOver) {
        try {
          const { status, headers } = await gateway.call('/function/fn', { agent });
          if (status !== 200) throw new Error(`answered ${status}`);
          client.ok++;
          client.callIds.push(String(headers['x-call-id']));
        } catch {
          client.failed++;
        }
      }
      agent.destroy();
    });
    const counts: number[] = [];
    const watch = (async () => {
      while (!isOver) counts.push(await value(STARTED), await value(COMPLETED));
    })();
    await until('load', async () => clients.every(({ ok }) => ok > 10));
    const [victim] = gateway.workers();
    if (victim === undefined) throw new Error('no worker');
    process.kill(victim, 'SIGKILL');
    const line = await gateway.logged('a worker has ended by itself: calls that it had were cut off');
    await gateway.logged('another worker serves in place of the one that ended');
    const before = clients.map(({ ok }) => ok);
    await until('more load', async () => clients.every(({ ok }, index) => ok > (before[index] ?? 0) + 10));
    isOver = true;
    await Promise.all([...loads, watch]);

    for (const [index, client] of clients.entries()) {
      const first = gateway.lines.find((one) => one['callId'] === client.callIds[0]);
      const wasVictims = first?.['worker'] === line['worker'];
      // The call in flight, and where the next connection came before the dying worker's port was closed, that.
      expect(client.failed, `client ${index}`).to.be.at.most(wasVictims ? 2 : 0);
    }
    const starts = counts.filter((_, index) => index % 2 === 0);
    const ends = counts.filter((_, index) => index % 2 === 1);
    for (const series of [starts, ends]) expect(series).to.deep.equal(series.toSorted((a, b) => a - b));
    expect(await value(IN_FLIGHT)).to.equal(0);
    expect(await gateway.metric('gateway_worker_restarts_total')).to.deep.equal({ '': 1 });
  });
});

function sum(values: Record<string, number>): number {
  return Object.values(values).reduce((total, one) => total + one, 0);
}
