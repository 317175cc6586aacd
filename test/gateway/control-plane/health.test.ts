import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { parseHealthReport } from '../../../contract/health.ts';
import { createHealthChecks, type Look } from '../../../gateway/control-plane/health/health-checks.ts';
import { lookAtPrometheus } from '../../../gateway/control-plane/health/look-at-prometheus.ts';
import { lookAtNats } from '../../../gateway/nats/look-at-nats.ts';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

const version = { release: '1.2.3', sha: 'abc' };
const well: Look = async () => 'well';
const ill: Look = async () => {
  throw new Error('ill');
};
const silent: Look = () => new Promise(() => {});

describe('the health of what the gateway works with', () => {
  const checks = (changes: Partial<Parameters<typeof createHealthChecks>[0]> = {}) =>
    createHealthChecks({
      needed: { engine: well },
      wanted: { nats: well },
      lastRead: () => new Date(),
      version,
      limitMs: 20,
      ...changes,
    });

  it('is ok when all is well, and tells what answered', async () => {
    const report = await checks()();
    expect(report.status).to.equal('ok');
    expect(report.version).to.deep.equal(version);
    expect(report.checks['engine']).to.include({ ok: true, detail: 'well' });
    expect(report.table.readAt).to.be.a('string');
  });

  it('is down when something needed is ill, with its own words', async () => {
    const report = await checks({ needed: { engine: well, swarm: ill } })();
    expect(report.status).to.equal('down');
    expect(report.checks['swarm']).to.include({ ok: false, error: 'ill' });
    expect(report.checks['engine']).to.include({ ok: true });
  });

  it('is degraded when something wanted is ill', async () => {
    expect((await checks({ wanted: { nats: ill } })()).status).to.equal('degraded');
  });

  it('is down before the cluster was read, degraded when that was long ago', async () => {
    const never = await checks({ lastRead: () => undefined })();
    expect(never.status).to.equal('down');
    expect(never.table).to.deep.equal({});
    const old = await checks({ lastRead: () => new Date(Date.now() - 60_000) })();
    expect(old.status).to.equal('degraded');
    expect(old.table.ageMillis).to.be.at.least(60_000);
  });

  it('waits for nobody beyond the limit, and tells who is silent', async () => {
    const report = await checks({ needed: { engine: silent }, wanted: { nats: silent } })();
    expect(report.status).to.equal('down');
    expect(report.checks['engine']?.error).to.equal('no answer within 0.02 s');
    expect(report.checks['nats']?.error).to.equal('no answer within 0.02 s');
  });

  it('tells each look when it is over, so that none goes on', async () => {
    const signals: AbortSignal[] = [];
    const note: Look = (signal) => {
      signals.push(signal);
      return signals.length === 1 ? well(signal) : silent(signal);
    };
    await checks({ needed: { one: note, other: note } })();
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, true]);
  });

  it('looks once however many ask at a time, and anew when asked later', async () => {
    let looks = 0;
    const counted: Look = async () => `look ${++looks}`;
    const report = checks({ needed: { engine: counted } });
    const all = await Promise.all([report(), report(), report()]);
    expect(all.map(({ checks: { engine } }) => engine?.detail)).to.deep.equal(['look 1', 'look 1', 'look 1']);
    expect((await report()).checks['engine']?.detail).to.equal('look 2');
  });
});

describe('GET /system/health', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  it('answers 200 with a report', async () => {
    control = await startControlPlane();
    const response = await control.call('GET', '/system/health');
    expect(response.status).to.equal(200);
    expect(response.headers.get('cache-control')).to.equal('no-store');
    expect(parseHealthReport(await response.json()).status).to.equal('ok');
  });

  it('answers 503 with the same kind of report when the cluster is away, while /healthz stays well', async () => {
    control = await startControlPlane();
    control.provider.cluster.goDown('the engine is gone');
    const response = await control.call('GET', '/system/health');
    expect(response.status).to.equal(503);
    const report = parseHealthReport(await response.json());
    expect(report.status).to.equal('down');
    expect(report.checks['swarm']?.error).to.equal('the engine is gone');
    expect((await fetch(`${control.url}/healthz`)).status).to.equal(200);
  });

  it('answers 200 when only what is wanted is away', async () => {
    const health = createHealthChecks({
      needed: { engine: well },
      wanted: { prometheus: ill },
      lastRead: () => new Date(),
      version,
    });
    control = await startControlPlane({ health });
    const response = await control.call('GET', '/system/health');
    expect(response.status).to.equal(200);
    expect(parseHealthReport(await response.json()).status).to.equal('degraded');
  });

  it('tells strangers nothing', async () => {
    control = await startControlPlane();
    expect((await fetch(`${control.url}/system/health`)).status).to.equal(401);
  });
});

describe('looking at NATS', () => {
  let server: Server | undefined;
  const sockets = new Set<Socket>();
  const signal = new AbortController().signal;

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server?.close();
    server = undefined;
  });

  const serve = async (greet: (socket: Socket) => void) => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      greet(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  };
  const reason = async (greet: (socket: Socket) => void): Promise<string> => {
    const error = await lookAtNats(await serve(greet), signal).catch((cause: unknown) => cause);
    if (!(error instanceof Error)) throw new Error('it was well');
    expect(error.message.split('\n').length).to.equal(1);
    return error.message;
  };

  it('reads the version from its greeting, in one piece or many', async () => {
    const address = await serve((socket) => {
      socket.write('INFO {"version":"2.9.');
      setImmediate(() => socket.write('10","jetstream":true}\r\nPING\r\n'));
    });
    expect(await lookAtNats(address, signal)).to.equal('NATS 2.9.10, with JetStream');
  });

  it('says so when JetStream is off', async () => {
    const address = await serve((socket) => void socket.write('INFO {"version":"2.9.10"}\r\n'));
    expect(await lookAtNats(address, signal)).to.equal('NATS 2.9.10, without JetStream');
  });

  it('fails where another thing answers', async () => {
    expect(await reason((socket) => void socket.write('SSH-2.0-OpenSSH\r\n'))).to.include(
      'is no NATS server',
    );
  });

  it('fails where somebody hangs up', async () => {
    expect(await reason((socket) => void socket.end())).to.include('hung up without a greeting');
  });

  it('fails at a greeting without end', async () => {
    expect(await reason((socket) => void socket.write('x'.repeat(100_000)))).to.include('without end');
  });

  it('fails where the greeting is no JSON', async () => {
    expect(await reason((socket) => void socket.write('INFO {nonsense\r\n'))).to.include('not valid JSON');
  });

  it('takes an open port that says nothing for no health', async () => {
    const address = await serve(() => {});
    const report = await createHealthChecks({
      needed: {},
      wanted: { nats: (over) => lookAtNats(address, over) },
      lastRead: () => new Date(),
      version,
      limitMs: 50,
    })();
    expect(report.status).to.equal('degraded');
    const [socket] = sockets;
    if (socket !== undefined && !socket.destroyed) await once(socket, 'close'); // let go of, not left open
  });

  it('names the address that refuses', async () => {
    const address = await serve(() => {});
    server?.close();
    const error = await lookAtNats(address, signal).catch((cause: unknown) => cause);
    expect((error as Error).message).to.match(/NATS cannot be reached at 127\.0\.0\.1:\d+ \(/);
  });
});

describe('looking at Prometheus', () => {
  const signal = new AbortController().signal;
  const look = async (status: number, body: string): Promise<string> => {
    const server = createHttpServer((_, response) => response.writeHead(status).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      return await lookAtPrometheus(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, signal);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  const reason = async (status: number, body: string): Promise<string> => {
    const error = await look(status, body).catch((cause: unknown) => cause);
    if (!(error instanceof Error)) throw new Error('it was well');
    return error.message;
  };

  it('reads its version', async () => {
    expect(await look(200, '{"status":"success","data":{"version":"2.42.0"}}')).to.equal('Prometheus 2.42.0');
  });

  it('says that it is starting', async () => {
    expect(await reason(503, 'Service Unavailable')).to.include('is starting');
  });

  it('takes nothing else for a Prometheus', async () => {
    for (const [status, body] of [
      [200, '<html>'],
      [200, '{}'],
      [200, '{"data":{"version":7}}'],
      [404, ''],
      [302, ''],
    ] as const) {
      expect(await reason(status, body), `${status} ${body}`).to.include('is no Prometheus');
    }
  });

  it('names the address that does not answer', async () => {
    const error = await lookAtPrometheus('http://127.0.0.1:1', signal).catch((cause: unknown) => cause);
    expect((error as Error).message).to.include('http://127.0.0.1:1');
  });
});
