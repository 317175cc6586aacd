import { expect } from 'chai';
import { BadMessage } from '../../http1/bad-message.ts';
import { ChunkedDecoder } from '../../http1/chunked-decoder.ts';
import type { Exchange } from '../../http1/types.ts';
import { FakeClient } from './fake-socket.ts';
import { makeRequestHead, mutate, pick, type Random } from './generated-heads.ts';
import { seededRandom } from './raw-peer.ts';

// Heads and bodies, valid, broken and random, split anywhere, on many connections at a time, against the listener's connections without
// a kernel in between. Every message carries the token of its connection, and every answer may hold that one alone.

const SOAK = process.env['SKEP_SOAK'] === '1';
const DURATION_MS = SOAK ? 60_000 : 3_000;
const AT_LEAST_PER_SECOND = 10_000;
const CONNECTIONS = 64;
const LATER_MS = 3_600_000;
const seed = Number(process.env['SKEP_SEED'] ?? Math.floor(Math.random() * 1e9));

/** Says what it was sent, after all of it has come; sometimes at once, and sometimes a part at a time. */
function echo(exchange: Exchange, random: Random): void {
  const { method, target } = exchange.request;
  const how = random();
  const mark = exchange.header('x-token') ?? '';
  if (how < 0.1) {
    exchange.respond({ status: 200, headers: ['X-Token', mark] }, `early ${method} ${target}`);
    return;
  }
  if (how < 0.4) {
    const sink = exchange.startResponse({ status: 200, headers: ['X-Token', mark] }, () =>
      exchange.resumeBody(),
    );
    exchange.readBody(sink);
    return;
  }
  let body = '';
  exchange.readBody({
    write: (bytes) => {
      body += Buffer.from(bytes).toString('latin1');
      return true;
    },
    end: (trailers = []) => {
      const answer = (): void =>
        exchange.respond(
          { status: 200, headers: ['X-Token', mark] },
          `${method} ${target} ${body} ${trailers.join()}`,
        );
      if (how < 0.7) answer();
      else queueMicrotask(answer);
    },
    abort: () => {},
  });
}

function makeBody(random: Random, token: string): { framing: string; bytes: string } {
  const body = `${token} `.repeat(1 + Math.floor(random() * 20));
  if (random() < 0.5) return { framing: `Content-Length: ${body.length}\r\n`, bytes: body };
  let bytes = '';
  for (let at = 0; at < body.length; ) {
    const size = 1 + Math.floor(random() * 60);
    const piece = body.slice(at, at + size);
    const extension = random() < 0.2 ? `;${token}="x"` : '';
    bytes += `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`;
    at += size;
  }
  return {
    framing: 'Transfer-Encoding: chunked\r\n',
    bytes: `${bytes}0\r\n${random() < 0.3 ? `X-Sum: ${token}\r\n` : ''}\r\n`,
  };
}

function makeMessage(random: Random, token: string): string {
  const mark = `X-Token: ${token}\r\n`;
  if (random() < 0.3) return makeRequestHead(random).replace('\r\n', `\r\n${mark}`);
  if (random() < 0.4) return `GET /${token} HTTP/1.1\r\nHost: a\r\n${mark}\r\n`;
  const { framing, bytes } = makeBody(random, token);
  return `POST /${token} HTTP/1.1\r\nHost: a\r\n${mark}${framing}\r\n${bytes}`;
}

function randomBytes(random: Random): string {
  return Array.from({ length: 1 + Math.floor(random() * 80) }, () =>
    String.fromCharCode(Math.floor(random() * 256)),
  ).join('');
}

interface Talk {
  /** How many answers it must get, where all that it says is plain and its kernel takes all; undefined otherwise. */
  readonly owed: number | undefined;
  readonly token: string;
  readonly client: FakeClient;
  rest: string;
}

describe('fuzzed heads and bodies', () => {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => {
    rejections.push(error);
  };
  beforeEach(() => process.on('unhandledRejection', onRejection));
  afterEach(() => process.off('unhandledRejection', onRejection));

  it(`neither crash, hang nor mix what is of different connections (seed ${seed})`, async function () {
    this.timeout(0);
    const random = seededRandom(seed);
    const talks: Talk[] = [];
    let recent = new Set<string>();
    let messages = 0;
    let connections = 0;
    let answers = 0;
    let wholes = 0;
    const begin = (): Talk => {
      const token = `tk${Math.floor(random() * 36 ** 10)
        .toString(36)
        .padStart(10, '0')}kt`;
      connections++;
      recent.add(token);
      if (recent.size > 10_000) recent = new Set([...recent].slice(5_000));
      const isStingy = random() < 0.3;
      const takes = (): number =>
        isStingy ? Math.floor(random() * random() * 400) : Number.POSITIVE_INFINITY;
      const client = new FakeClient((exchange) => echo(exchange, random), takes);
      let rest = '';
      let owed = 0;
      let isPlain = !isStingy;
      for (let count = 1 + Math.floor(random() * 8); count > 0; count--) {
        const kind = random();
        owed++;
        const message = makeMessage(random, token);
        isPlain &&= kind < 0.7 && / \/tk/.test(message);
        rest += kind < 0.7 ? message : kind < 0.97 ? mutate(random, message) : randomBytes(random);
        messages++;
      }
      return { token, client, rest, owed: isPlain ? owed : undefined };
    };
    /** Every connection ends in a bounded number of events: the client's end, and the end of every wait. */
    const finish = ({ token, client, rest, owed }: Talk): void => {
      const got = client.received.match(/HTTP\/1\.1 200 OK/g)?.length ?? 0;
      if (owed !== undefined && rest === '' && got !== owed)
        expect.fail(
          `${token} got ${got} answers of ${owed}: ${JSON.stringify([client.sent, client.received])}`,
        );
      if (owed !== undefined && rest === '') wholes++;
      if (random() < 0.5) client.connection.onEnd();
      for (let round = 1; round <= 4 && !client.isClosed; round++)
        client.connection.check(performance.now() + round * LATER_MS);
      if (!client.isClosed)
        expect.fail(
          `${token} is not let go of: ${JSON.stringify(client.sent)} ${JSON.stringify(client.received)}`,
        );
      // A changed token may be nobody's; one that a recent connection has is no accident.
      const others = (client.received.match(/tk[0-9a-z]{10}kt/g) ?? []).filter(
        (found) => found !== token && recent.has(found),
      );
      if (others.length > 0)
        expect.fail(`${token} was sent what is of ${others[0]}: ${JSON.stringify(client.received)}`);
      if (!'HTTP/1.1 '.startsWith(client.received.slice(0, 9))) expect.fail(JSON.stringify(client.received));
      answers += client.received.match(/HTTP\/1\.1 [2-5]/g)?.length ?? 0;
    };
    const start = performance.now();
    const memory: number[] = [];
    while (performance.now() - start < DURATION_MS) {
      for (let i = 0; i < 2_000; i++) {
        while (talks.length < CONNECTIONS) talks.push(begin());
        const at = Math.floor(random() * talks.length);
        const talk = pick(random, talks.slice(at, at + 1));
        const length = random() < 0.2 ? 1 : 1 + Math.floor(random() * random() * 1500);
        if (random() < 0.7) talk.client.drain();
        // A socket that is paused brings nothing.
        if (!talk.client.isPaused) {
          talk.client.send(talk.rest.slice(0, length));
          talk.rest = talk.rest.slice(length);
        }
        if (talk.rest !== '' && !talk.client.isClosed && random() > 0.005) continue;
        talks.splice(at, 1);
        // A turn for each answer that waits for the one before it, and for each write that the kernel takes a part of.
        const turns = random() < 0.7 ? 40 : 12;
        for (let turn = 0; turn < turns; turn++) {
          if (turn < turns - 12) talk.client.drain();
          await Promise.resolve();
        }
        finish(talk);
      }
      await new Promise((resolve) => setImmediate(resolve));
      Bun.gc(true);
      memory.push(process.memoryUsage().rss);
    }
    const seconds = (performance.now() - start) / 1000;
    const rate = Math.round(messages / seconds);
    console.log(
      `      ${messages} messages on ${connections} connections, ${rate} a second; ${answers} answers`,
    );
    expect(rejections).to.deep.equal([]);
    expect(answers).to.be.above(messages / 10);
    expect(wholes, 'connections of which each request was answered').to.be.above(connections / 20);
    if (!SOAK) return;
    expect(rate).to.be.above(AT_LEAST_PER_SECOND);
    const early = memory[Math.floor(memory.length / 4)] ?? 0;
    expect((memory.at(-1) ?? 0) - early, 'memory gained').to.be.below(64 * 1024 * 1024);
  });

  it(`come out of the chunked coding as they went in, or are refused (seed ${seed})`, function () {
    this.timeout(0);
    const random = seededRandom(seed);
    const until = performance.now() + DURATION_MS / 4;
    let whole = 0;
    let refused = 0;
    while (performance.now() < until) {
      const { framing, bytes } = makeBody(random, 'token');
      if (!framing.startsWith('T')) continue;
      const isChanged = random() < 0.5;
      const sent = Buffer.from(isChanged ? mutate(random, bytes) : bytes, 'latin1');
      const [inOne, inPieces] = [
        decode(sent, () => sent.length),
        decode(sent, () => 1 + Math.floor(random() * 20)),
      ];
      expect(inPieces).to.deep.equal(inOne);
      if (!isChanged) expect(inOne).to.match(/^(token )+\|done\|(X-Sum,token)?$/);
      if (inOne.endsWith('|refused')) refused++;
      else whole++;
    }
    expect(whole).to.be.above(20);
    expect(refused).to.be.above(20);
  });
});

/** What a body comes to when it arrives in pieces of these sizes. */
function decode(sent: Buffer, size: () => number): string {
  const decoder = new ChunkedDecoder();
  let body = '';
  try {
    for (let at = 0; at < sent.length && !decoder.isDone; ) {
      const piece = sent.subarray(at, at + size());
      for (let position = 0; position < piece.length && !decoder.isDone; ) {
        const next = decoder.step(piece, position);
        expect(next).to.be.above(position);
        expect(decoder.dataEnd).to.be.at.most(piece.length);
        body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
        position = next;
      }
      at += piece.length;
    }
  } catch (error) {
    if (!(error instanceof BadMessage)) throw error;
    return `${body}|refused`;
  }
  return `${body}|${decoder.isDone ? 'done' : 'unfinished'}|${decoder.trailers.join()}`;
}
