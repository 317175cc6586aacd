import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Socket } from 'bun';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import type { Exchange, Listener, ListenLimits } from '../../http1/types.ts';
import { eventually } from '../http1/raw-peer.ts';
import { peakMegabytes } from '../watchdog/start-watchdog.ts';

/** One of a crowd: what it was told, and whether it was cut off. */
interface Member {
  readonly socket: Socket<unknown>;
  received: string;
  isClosed: boolean;
}

const LONG_PIECES = 64;
const PIECE = Buffer.alloc(1_048_576, 'x');

/** More than all buffers of the kernel's on the way can hold, and no more of it than is taken. */
function answerLong(exchange: Exchange): void {
  let left = LONG_PIECES;
  const more = (): void => {
    while (left > 0) {
      left--;
      if (!sink.write(PIECE)) return;
    }
    sink.end();
  };
  const sink = exchange.startResponse({ status: 200, headers: [] }, more);
  more();
}

describe('a crowd of hostile clients', function () {
  this.timeout(60_000);
  let replica: Listener;
  let plane: ChildProcess;
  let port: number;
  let crowd: Member[];

  async function start(limits: Partial<ListenLimits>): Promise<void> {
    plane = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/data-plane.ts')], {
      env: { ...process.env, UPSTREAM_PORT: String(replica.port), LIMITS: JSON.stringify(limits) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (plane.stdout === null) throw new Error('its output is not read');
    const [line] = (await once(plane.stdout, 'data')) as [Buffer];
    port = Number(line.toString());
    await callOthers(1);
  }

  beforeEach(() => {
    crowd = [];
    replica = listen({
      hostname: '127.0.0.1',
      onExchange: (exchange) => {
        const { method, target } = exchange.request;
        if (target === '/long') {
          answerLong(exchange);
          return;
        }
        if (method === 'GET') {
          exchange.respond({ status: 200, headers: [] }, target);
          return;
        }
        const end = (): void => exchange.respond({ status: 200, headers: [] }, 'whole');
        exchange.readBody({ write: () => true, end, abort: () => {} });
      },
    });
  });
  afterEach(async () => {
    for (const { socket } of crowd) socket.terminate();
    const ended = once(plane, 'exit');
    plane.kill('SIGKILL');
    await ended;
    replica.close();
  });

  async function gather(count: number, first: string): Promise<Member[]> {
    const joined: Member[] = [];
    for (let i = 0; i < count; i += 200) {
      const batch = Array.from({ length: Math.min(200, count - i) }, async () => {
        const member: Omit<Member, 'socket'> = { received: '', isClosed: false };
        const socket = await Bun.connect({
          hostname: '127.0.0.1',
          port,
          socket: {
            data: (_, bytes) => {
              member.received += bytes.toString('latin1');
            },
            close: () => {
              member.isClosed = true;
            },
            error: () => {},
          },
        });
        socket.write(first);
        joined.push(Object.assign(member, { socket }));
      });
      await Promise.all(batch);
    }
    crowd.push(...joined);
    return joined;
  }

  /** Calls of honest clients meanwhile: all of them are answered. */
  async function callOthers(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const answer = await fetch(`http://127.0.0.1:${port}/function/fn/${i}`, {
        signal: AbortSignal.timeout(20_000),
      });
      expect([answer.status, await answer.text()]).to.deep.equal([200, `/${i}`]);
    }
  }

  it('of 2,000 that never finish a head: the others are served, each of the crowd is told 408 and closed', async () => {
    await start({ headTimeoutMs: 3_000 });
    const slow = await gather(2_000, 'GET /function/fn HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    let isDripping = true;
    const drip = (async () => {
      while (isDripping) {
        for (const { socket, isClosed } of slow) if (!isClosed) socket.write('x');
        await Bun.sleep(500);
      }
    })();
    await callOthers(300);
    await eventually(() => slow.every(({ isClosed }) => isClosed));
    isDripping = false;
    await drip;
    for (const { received } of slow) expect(received).to.match(/^HTTP\/1\.1 408 /);
    await callOthers(50);
    expect(peakMegabytes(plane.pid)).to.be.below(200);
  });

  it('of 5,000 that say nothing: the others are served, and the idle ones are closed in their time', async () => {
    await start({ idleTimeoutMs: 6_000 });
    const idle = await gather(5_000, '');
    await callOthers(300);
    await eventually(() => idle.every(({ isClosed }) => isClosed));
    expect(idle.every(({ received }) => received === '')).to.equal(true);
    await callOthers(50);
    expect(peakMegabytes(plane.pid)).to.be.below(200);
  });

  it('of 1,000 with heads of a mebibyte and floods of fields: each is told 431 and closed, the others are served', async () => {
    await start({});
    const long = `GET /function/fn HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(1_048_576)}\r\n\r\n`;
    const flood = `GET /function/fn HTTP/1.1\r\nHost: a\r\n${'X-F: 1\r\n'.repeat(5_000)}\r\n`;
    for (let round = 0; round < 10; round++) {
      const members = [...(await gather(50, long)), ...(await gather(50, flood))];
      await callOthers(20);
      await eventually(() =>
        members.every(({ isClosed, received }) => isClosed || received.includes('\r\n\r\n')),
      );
      // A reset may overtake the answer where the client was still sending: then nothing was told, and nothing served.
      for (const { received } of members) expect(received).to.match(/^(HTTP\/1\.1 431 |$)/);
      for (const { socket } of members) socket.terminate();
    }
    expect(peakMegabytes(plane.pid)).to.be.below(200);
  });

  it('of 500 that stop in their bodies: each is told 408 and closed, and its call ended; the others are served', async () => {
    await start({ bodyTimeoutMs: 2_000 });
    const stalled = await gather(
      500,
      'POST /function/fn HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegun',
    );
    await eventually(() => replica.inFlight === 500);
    await callOthers(100);
    await eventually(() => stalled.every(({ isClosed }) => isClosed) && replica.inFlight === 0);
    for (const { received } of stalled) expect(received).to.match(/^HTTP\/1\.1 408 /);
    await callOthers(50);
    expect(peakMegabytes(plane.pid)).to.be.below(200);
  });

  it('of 100 that do not read their answers: each is let go, and its call ended; the others are served', async () => {
    await start({ writeTimeoutMs: 4_000 });
    const deaf = await gather(100, '');
    for (const { socket } of deaf) socket.pause();
    for (const { socket } of deaf) socket.write('GET /function/fn/long HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => replica.inFlight === 100);
    await callOthers(100);
    await eventually(() => replica.inFlight === 0);
    await callOthers(50);
    // Two buffers of the kernel's for each, and what was read for it and not yet taken.
    expect(peakMegabytes(plane.pid)).to.be.below(300);
  });
});
