import { expect } from 'chai';
import { makeRequestHead, mutate, pick, type Random } from '../http1/generated-heads.ts';
import { eventually, RawPeer, RawServer, seededRandom } from '../http1/raw-peer.ts';
import { startDataPlane } from '../support/data-plane-with-upstream.ts';

// Both sides at once, over real sockets: clients and a function that say valid, broken and random things, cut anywhere, and leave when
// they like. Every call has a token, which its answer repeats: what a client gets may hold no other.

const SOAK = process.env['SKEP_SOAK'] === '1';
const DURATION_MS = SOAK ? 60_000 : 5_000;
const WORKERS = 200;
const seed = Number(process.env['SKEP_SEED'] ?? Math.floor(Math.random() * 1e9));
const TOKEN = /tk[0-9a-z]{10}kt/g;

function makeRequest(random: Random, token: string): string {
  const body = `${token} `.repeat(Math.floor(random() * 200));
  const kind = random();
  const head = `/function/fn/${token} HTTP/1.1\r\nHost: a\r\nX-Token: ${token}\r\n`;
  if (kind < 0.3) return `GET ${head}\r\n`;
  if (kind < 0.6) return `POST ${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (kind < 0.8) {
    const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
    return `POST ${head}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
  }
  return makeRequestHead(random)
    .replace(/ [^ ]+ /, ` /function/fn/${token} `)
    .replace('\r\n', `\r\nX-Token: ${token}\r\n`);
}

function makeAnswer(random: Random, token: string): string {
  const body = `${token} `.repeat(1 + Math.floor(random() * 300));
  const head = `HTTP/1.1 200 OK\r\nX-Token: ${token}\r\n`;
  const kind = random();
  if (kind < 0.4) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (kind < 0.7)
    return `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nX-T: ${token}\r\n\r\n`;
  if (kind < 0.8) return `HTTP/1.1 103 Early\r\nX-Token: ${token}\r\n\r\n${head}Content-Length: 0\r\n\r\n`;
  if (kind < 0.85) return `${head}Connection: close\r\n\r\n${body}`;
  if (kind < 0.9) return `HTTP/1.1 204 No\r\nX-Token: ${token}\r\n\r\n`;
  return `HTTP/1.0 200 OK\r\nX-Token: ${token}\r\n\r\n${body}`;
}

async function sendInPieces(peer: RawPeer, text: string, random: Random): Promise<void> {
  let rest = text;
  while (rest !== '' && !peer.isClosed) {
    const length = random() < 0.3 ? rest.length : 1 + Math.floor(random() * rest.length);
    peer.send(rest.slice(0, length));
    rest = rest.slice(length);
    if (rest !== '') await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Answers whatever was asked last on a connection, again and again, until it is closed. */
async function actAsFunction(peer: RawPeer, random: Random): Promise<void> {
  while (!peer.hasEnded) {
    await peer.until(() => peer.hasEnded || /\r\n\r\n/.test(peer.received)).catch(() => {});
    const [, token] = /^[^ ]+ \/(tk[0-9a-z]{10}kt)/.exec(peer.received) ?? [];
    if (peer.hasEnded || token === undefined) break;
    // Often before the body is whole: an early answer is one more thing that may happen.
    if (random() < 0.7) await peer.until(() => peer.hasEnded || isWhole(peer.received)).catch(() => {});
    peer.clear();
    const answer = makeAnswer(random, token);
    const kind = random();
    if (kind < 0.04) peer.socket.resetAndDestroy();
    else if (kind < 0.08) peer.socket.end(answer.slice(0, Math.floor(random() * answer.length)));
    else await sendInPieces(peer, kind < 0.25 ? mutate(random, answer) : answer, random);
    if (/^HTTP\/1\.0|\r\nConnection: close/m.test(answer)) peer.socket.end();
  }
  peer.socket.end();
}

function isWhole(request: string): boolean {
  const end = request.indexOf('\r\n\r\n') + 4;
  if (/transfer-encoding: chunked/i.test(request)) return request.endsWith('0\r\n\r\n');
  const [, length = '0'] = /\r\ncontent-length: *([0-9]+)/i.exec(request) ?? [];
  return request.length >= end + Number(length);
}

describe('fuzzed clients and a fuzzed function', function () {
  this.timeout(0);

  it(`never mix calls, hang or crash (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const rejections: unknown[] = [];
    const onRejection = (error: unknown): void => {
      rejections.push(error);
    };
    process.on('unhandledRejection', onRejection);
    const replica = await RawServer.startReplica();
    const plane = await startDataPlane({
      functionPort: replica.port,
      upstreamTimeoutMs: 300,
      limits: { headTimeoutMs: 200, bodyTimeoutMs: 200, idleTimeoutMs: 200, writeTimeoutMs: 200 },
    });
    let isOver = false;
    const served = (async () => {
      for (let i = 0; !isOver; i++) {
        const peer = await Promise.race([replica.peer(i), Bun.sleep(2_000)]);
        if (peer === undefined) i--;
        else void actAsFunction(peer, random);
      }
    })();
    const recent = new Set<string>();
    let calls = 0;
    let answered = 0;
    const until = performance.now() + DURATION_MS;
    const work = async (): Promise<void> => {
      while (performance.now() < until) {
        const token = `tk${Math.floor(random() * 36 ** 10)
          .toString(36)
          .padStart(10, '0')}kt`;
        recent.add(token);
        const client = await RawPeer.connect(plane.port);
        let text = '';
        for (let count = pick(random, [1, 1, 1, 2, 4]); count > 0; count--) {
          const message = makeRequest(random, token);
          text += random() < 0.7 ? message : mutate(random, message);
          calls++;
        }
        await sendInPieces(client, text, random);
        const leaving = random();
        if (leaving < 0.1) client.socket.resetAndDestroy();
        else if (leaving < 0.2) client.destroy();
        else {
          if (leaving < 0.4) client.socket.end();
          // Every connection ends by itself: by an answer that closes, or by one of the limits.
          await client.untilEnd();
        }
        answered += client.received.match(/^HTTP\/1\.1 200 /gm)?.length ?? 0;
        const others = (client.received.match(TOKEN) ?? []).filter(
          (found) => found !== token && recent.has(found),
        );
        if (others.length > 0)
          expect.fail(`${token} got what is of ${others[0]}: ${JSON.stringify([text, client.received])}`);
        client.destroy();
      }
    };
    try {
      await Promise.all(Array.from({ length: WORKERS }, work));
      await eventually(() => plane.listener.inFlight === 0 && plane.listener.connections === 0);
      isOver = true;
      await served;
      console.log(
        `      ${calls} calls, ${answered} answered by the function, on ${replica.peers.length} connections to it`,
      );
      expect(answered).to.be.above(calls / 10);
      expect(rejections).to.deep.equal([]);
    } finally {
      isOver = true;
      process.off('unhandledRejection', onRejection);
      plane.close();
      replica.close();
    }
  });
});
