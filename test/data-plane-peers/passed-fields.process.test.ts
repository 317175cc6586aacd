import { expect } from 'chai';
import { pick, type Random } from '../http1/generated-heads.ts';
import { type RawPeer, seededRandom } from '../http1/raw-peer.ts';
import { RawDataPlane } from './raw-data-plane.ts';

// Which fields of a head pass, in what order and with which bytes: generated heads against the rules written down once more, by name.

const HEADS = process.env['SKEP_SOAK'] === '1' ? 30_000 : 1_500;
const seed = Number(process.env['SKEP_SEED'] ?? Math.floor(Math.random() * 1e9));

const HOP_BY_HOP =
  'connection proxy-connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade'.split(
    ' ',
  );
/** What `Connection` cannot take away. */
const KEPT =
  'host content-length content-encoding content-type authorization cookie set-cookie forwarded x-forwarded-for x-forwarded-host x-forwarded-proto'.split(
    ' ',
  );
const NAMES = [
  ...'Keep-Alive Proxy-Connection Proxy-Authenticate Proxy-Authorization TE Trailer Te tE TRAILER keep-alive'.split(
    ' ',
  ),
  ...'Tea Trailers Keep_Alive Keep-Alivf Connectioo Upgradf Upgrades T E Proxy-Authorizatiom Transfer-Encodinf Content-Lengti Hosu Expecs'.split(
    ' ',
  ),
  ...'Authorization Cookie Set-Cookie set-cookie Content-Type Content-Encoding Accept User-Agent Forwarded X-Forwarded-Proto X-Auth Via'.split(
    ' ',
  ),
  ...'X-A x-a X-B X_B x!#$%&*+.^`|~y A B C 0 1 Cache-Control Age Location Vary ETag Range Link Date Server Warning'.split(
    ' ',
  ),
];
const VALUES = [
  '',
  'a',
  '1',
  'a b',
  'ä',
  '\xff\x80',
  'a:b',
  'a, b',
  '"x\\"y"',
  '\ta\t',
  '  a  ',
  'x'.repeat(500),
  'close',
  'chunked',
  '0',
];

function makeFields(random: Random): [string, string][] {
  const name = (): string =>
    random() < 0.8
      ? pick(random, NAMES)
      : Array.from({ length: 1 + Math.floor(random() * 30) }, () => pick(random, [...'abcXYZ019-_.'])).join(
          '',
        );
  const fields = Array.from({ length: Math.floor(random() * 12) }, (): [string, string] => [
    name(),
    pick(random, VALUES),
  ]);
  if (random() < 0.6) {
    const listed = Array.from({ length: Math.floor(random() * 4) }, () =>
      random() < 0.7
        ? pick(random, [...fields.map(([each]) => each), 'x'])
        : pick(random, [...KEPT, 'keep-alive', 'x', '']),
    );
    const list = listed
      .map((each) => (random() < 0.5 ? each.toLowerCase() : each))
      .join(pick(random, [',', ', ', ' ,\t']));
    fields.splice(Math.floor(random() * fields.length), 0, ['Connection', list]);
  }
  return fields;
}

const write = (fields: readonly [string, string][]): string =>
  fields.map(([name, value]) => `${name}:${value.startsWith(' ') ? '' : ' '}${value}\r\n`).join('');
const trim = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '');

/** The rules: what passes of these fields, one line each. */
function passing(fields: readonly [string, string][], own: readonly string[]): string[] {
  const lower = (name: string): string => name.toLowerCase();
  const listed = fields
    .filter(([name]) => lower(name) === 'connection')
    .flatMap(([, value]) => value.split(',').map((each) => lower(trim(each))))
    .filter((name) => !KEPT.includes(name));
  return fields
    .filter(([name]) => ![...HOP_BY_HOP, ...own, ...listed].includes(lower(name)))
    .map(([name, value]) => `${name}: ${trim(value)}`);
}

/** Lines after the first of a head without those that the gateway adds. */
function linesOf(head: string, added: RegExp): string[] {
  return head
    .slice(0, head.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .filter((line) => !added.test(line))
    .map((line) => `${line.slice(0, line.indexOf(':'))}: ${trim(line.slice(line.indexOf(':') + 1))}`);
}

describe(`the fields of generated heads (seed ${seed})`, function () {
  this.timeout(0);
  let raw: RawDataPlane;
  beforeEach(async () => {
    raw = await RawDataPlane.start();
  });
  afterEach(() => raw.close());

  async function call(request: string, answer: string): Promise<[string, string]> {
    const client: RawPeer = await raw.connect();
    client.send(request);
    // The function closes after each answer, so that the next connection is the next call's.
    const peer = await raw.replica.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.socket.end(Buffer.from(answer, 'latin1'));
    const received = peer.received;
    await client.untilReceived('\r\n\r\n');
    raw.replica.peers.length = 0;
    client.destroy();
    return [received, client.received];
  }

  it('pass to the function by the rules', async () => {
    const random = seededRandom(seed);
    const own = ['x-call-id', 'x-start-time', 'x-skep-function', 'host'];
    const added =
      /^(host|x-call-id|x-start-time|x-skep-function|x-forwarded-for|x-forwarded-host|traceparent): /i;
    for (let i = 0; i < HEADS; i++) {
      const fields = makeFields(random);
      const request = `GET /function/fn HTTP/1.1\r\nHost: a\r\nX-Call-Id: c\r\n${write(fields)}\r\n`;
      const [received] = await call(
        request,
        'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      );
      expect(linesOf(received, added), JSON.stringify(request)).to.deep.equal(passing(fields, own));
    }
  });

  it('pass to the client by the rules', async () => {
    const random = seededRandom(seed);
    const own = ['x-call-id', 'x-start-time', 'x-served-by'];
    const added = /^(x-call-id|x-start-time|x-served-by|content-length|connection|date): /;
    const capitals = /^(X-Call-Id|X-Start-Time|X-Served-By|Content-Length): /;
    for (let i = 0; i < HEADS; i++) {
      const fields = makeFields(random);
      const answer = `HTTP/1.1 200 OK\r\nConnection: close\r\n${write(fields)}Content-Length: 0\r\n\r\n`;
      const [, received] = await call('GET /function/fn HTTP/1.1\r\nHost: a\r\n\r\n', answer);
      const lines = linesOf(received, added).filter((line) => !capitals.test(line));
      expect(lines, JSON.stringify(answer)).to.deep.equal(passing(fields, own));
    }
  });
});
