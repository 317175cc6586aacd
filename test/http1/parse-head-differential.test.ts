import { expect } from 'chai';
import { BadMessage } from '../../http1/bad-message.ts';
import { parseResponseHead } from '../../http1/parse-head.ts';
import type { RequestHead } from '../../http1/types.ts';
import { FakeClient } from './fake-socket.ts';
import { makeRequestHead, makeResponseHead, mutate, type Random } from './generated-heads.ts';
import { seededRandom } from './raw-peer.ts';
import { type Reading, readRequest, readResponse } from './reference-head.ts';

const HEADS = process.env['SKEP_SOAK'] === '1' ? 1_000_000 : 50_000;
const seed = Number(process.env['SKEP_SEED'] ?? Math.floor(Math.random() * 1e9));

/** One head as the listener takes it. `status` 0: it was handed out. */
function takeRequest(text: string): {
  status: number;
  request: RequestHead | undefined;
  keepsAlive: boolean;
} {
  const requests: RequestHead[] = [];
  const client = new FakeClient((exchange) => {
    requests.push(exchange.request);
    exchange.respond({ status: 200, headers: [] });
  });
  client.send(text);
  client.connection.closeNow();
  const [request] = requests;
  const status = request === undefined ? Number(client.received.slice(9, 12)) : 0;
  return { status, request, keepsAlive: !/\r\nconnection: close\r\n/.test(client.received) };
}

/** As `deep.equal`, which would be most of the time that this takes. */
function same(actual: unknown, expected: unknown, about: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    expect(actual, JSON.stringify(about)).to.deep.equal(expected);
}

/** Heads that end where a head ends, half of them changed; and that the comparison is not empty is checked. */
function compare(what: string, make: (random: Random) => string, check: (head: string) => boolean): void {
  it(`${what} (seed ${seed})`, function () {
    this.timeout(0);
    const random = seededRandom(seed);
    let valid = 0;
    for (let i = 0; i < HEADS; i++) {
      const made = make(random);
      const changed = random() < 0.5 ? made : mutate(random, made);
      // Empty lines before a head are no part of it.
      const text = changed.replace(/^(?:\r\n)+/, '');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) continue;
      if (check(text.slice(0, end + 4))) valid++;
    }
    expect(valid)
      .to.be.above(HEADS / 10)
      .and.below(HEADS * 0.9);
  });
}

describe('generated and changed heads are read as the RFC says', () => {
  compare('requests', makeRequestHead, (text) => {
    const reading: Reading = readRequest(text, 128);
    const { status, request, keepsAlive } = takeRequest(text);
    const about = JSON.stringify(text);
    if (!reading.isValid) {
      expect([...reading.statuses], about).to.include(status);
      return false;
    }
    expect(status, about).to.equal(0);
    const [method, target, version] = reading.start;
    same(
      [
        request?.method,
        request?.target,
        `HTTP/${request?.version}`,
        [...(request?.headers ?? [])],
        request?.contentLength,
      ],
      [method, target, version, reading.headers, reading.length ?? 0],
      text,
    );
    // A body that never came is no reason to keep a connection.
    if ((reading.length ?? 0) === 0) expect(keepsAlive, about).to.equal(reading.keepAlive);
    return true;
  });

  compare('answers', makeResponseHead, (text) => {
    const reading = readResponse(text);
    const bytes = Buffer.from(`before${text}after`, 'latin1');
    const about = JSON.stringify(text);
    try {
      const head = parseResponseHead(bytes, 6, bytes.length - 5, false);
      expect(reading.isValid, about).to.equal(true);
      if (!reading.isValid) return false;
      const isBodiless = head.status < 200 || head.status === 204 || head.status === 304;
      same(
        [`HTTP/${head.version}`, String(head.status), head.reason, [...head.headers], head.keepAlive],
        [...reading.start, reading.headers, reading.keepAlive],
        text,
      );
      same(
        [head.contentLength, head.isChunked],
        [isBodiless ? 0 : (reading.length ?? -1), !isBodiless && reading.length === -1],
        text,
      );
      return true;
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      expect(reading.isValid, `${about}: ${error.message}`).to.equal(false);
      return false;
    }
  });
});
