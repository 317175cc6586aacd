import { expect } from 'chai';
import { RawPeer } from '../http1/raw-peer.ts';
import { startWatchdog, stopWatchdogs, until, type Watchdog } from './start-watchdog.ts';

// What comes over the wire may be anything: a status or a clean close, never a crash, never another request's bytes.

const MODES = ['fork', 'serializing', 'streaming'] as const;
type Mode = (typeof MODES)[number];

interface Case {
  readonly title: string;
  /** Sent as latin1, one piece after the other. */
  readonly sends: readonly string[];
  /** Of the answers that come, in order. A pattern per mode where they differ; `closed`: no answer and a clean close. */
  readonly statuses: readonly number[] | Readonly<Record<Mode, readonly number[]>>;
  /** The client shuts its side down after sending. */
  readonly halfCloses?: boolean;
  /** Whether the connection is still good for another request afterwards. */
  readonly survives?: boolean;
}

const HOST = 'Host: a\r\n';
const chunked = (body: string): string =>
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}`;
const post = (headers: string, body = ''): string => `POST / HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`;
/** A body that breaks off in the middle ends the call where it stands: before a process, or with one. */
const BAD_CHUNK = { fork: [400], serializing: [400], streaming: [400] } as const;

const CASES: readonly Case[] = [
  { title: 'a length and chunks at once', sends: [post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n')], statuses: [400] },
  { title: 'two lengths', sends: [post('Content-Length: 3\r\nContent-Length: 5\r\n', 'abcde')], statuses: [400] },
  { title: 'a list of lengths', sends: [post('Content-Length: 3, 3\r\n', 'abc')], statuses: [400] },
  { title: 'a negative length', sends: [post('Content-Length: -1\r\n')], statuses: [400] },
  { title: 'a length with a sign', sends: [post('Content-Length: +3\r\n', 'abc')], statuses: [400] },
  { title: 'a length in hexadecimal', sends: [post('Content-Length: 0x3\r\n', 'abc')], statuses: [400] },
  { title: 'a length beyond all numbers', sends: [post('Content-Length: 99999999999999999999\r\n')], statuses: [400] },
  { title: 'a chunk size that is none', sends: [chunked('xyz\r\nabc\r\n0\r\n\r\n')], statuses: BAD_CHUNK },
  { title: 'a chunk size beyond all numbers', sends: [chunked('fffffffffffffffffff\r\nabc')], statuses: BAD_CHUNK },
  { title: 'a chunk that is longer than it says', sends: [chunked('2\r\nabc\r\n0\r\n\r\n')], statuses: BAD_CHUNK },
  { title: 'a chunk extension without end', sends: [chunked(`3;${'x'.repeat(70_000)}\r\nabc\r\n0\r\n\r\n`)], statuses: BAD_CHUNK },
  { title: 'a coding that nobody knows', sends: [post('Transfer-Encoding: gzip, chunked\r\n', 'abc')], statuses: [501] },
  { title: 'chunked, hidden by a space', sends: [post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n')], statuses: [400] },
  { title: 'a folded header', sends: [get('/', 'X-A: 1\r\n 2\r\n')], statuses: [400] },
  { title: 'a header with a bare CR', sends: [get('/', 'X-A: 1\r2\r\n')], statuses: [400] },
  { title: 'a header with a NUL', sends: [get('/', 'X-A: 1\x002\r\n')], statuses: [400] },
  { title: 'a header without a name', sends: [get('/', ': 1\r\n')], statuses: [400] },
  { title: 'a header name with a space', sends: [get('/', 'X A: 1\r\n')], statuses: [400] },
  { title: 'lines that end in LF alone', sends: ['GET / HTTP/1.1\nHost: a\n\n'], statuses: [400] },
  { title: 'no Host', sends: ['GET / HTTP/1.1\r\n\r\n'], statuses: [400] },
  { title: 'two Hosts', sends: [get('/', 'Host: b\r\n')], statuses: [400] },
  { title: 'a NUL in the target', sends: [get('/a\x00b')], statuses: [400] },
  { title: 'bytes beyond ASCII in the target', sends: [get('/a\xffb')], statuses: [400] },
  { title: 'a target without a slash', sends: [get('a')], statuses: [400] },
  { title: 'a malformed escape in the path', sends: [get('/a%zz')], statuses: [400], survives: true },
  { title: 'an escaped NUL in the path', sends: [get('/a%00b')], statuses: [400], survives: true },
  { title: 'no HTTP at all', sends: ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'], statuses: [400] },
  { title: 'HTTP/2', sends: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], statuses: [505] },
  { title: 'another version', sends: ['GET / HTTP/1.7\r\nHost: a\r\n\r\n'], statuses: [505] },
  { title: 'CONNECT', sends: ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'], statuses: [501] },
  { title: 'an expectation that nobody knows', sends: [post('Expect: tea\r\nContent-Length: 0\r\n')], statuses: [417] },
  {
    title: 'a method that nobody knows', sends: ['BREW / HTTP/1.1\r\nHost: a\r\n\r\n'], survives: true,
    statuses: { fork: [405], serializing: [200], streaming: [200] },
  },
  { title: 'a method in lower case', sends: ['get / HTTP/1.1\r\nHost: a\r\n\r\n'], statuses: { fork: [405], serializing: [200], streaming: [200] }, survives: true },
  { title: 'HTTP/1.0', sends: ['GET / HTTP/1.0\r\n\r\n'], statuses: [200] },
  { title: 'HTTP/1.0 that stays', sends: ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'], statuses: [200],
    survives: true },
  { title: 'more than a thousand headers', sends: [get('/', 'A: 1\r\n'.repeat(1001))], statuses: [431] },
  { title: 'a thousand headers', sends: [get('/', Array.from({ length: 998 }, (_, i) => `X-${i}: 1\r\n`).join(''))], statuses: [200], survives: true },
  { title: 'a head of more than 1 MiB', sends: [get('/', `X-A: ${'a'.repeat(1_048_576)}\r\n`)], statuses: [431] },
  { title: 'a head without an end', sends: [`GET / HTTP/1.1\r\nX-A: ${'a'.repeat(1_100_000)}`], statuses: [431] },
  {
    title: 'a header that is too long for an environment', sends: [get('/', `X-A: ${'a'.repeat(200_000)}\r\n`)], survives: true,
    statuses: { fork: [500], serializing: [500], streaming: [200] },
  },
  { title: 'a query of 64 KiB', sends: [get(`/?${'q'.repeat(65_536)}`)], statuses: [200], survives: true },
  { title: 'a body that its client does not finish', sends: [post('Content-Length: 10\r\n', 'abc')], halfCloses: true, statuses: [] },
  { title: 'chunks that their client does not finish', sends: [chunked('3\r\nabc\r\n')], halfCloses: true, statuses: [] },
  { title: 'half a head', sends: ['GET / HT'], halfCloses: true, statuses: [] },
  { title: 'nothing', sends: [''], halfCloses: true, statuses: [] },
  { title: 'a whole request of a client that sends no more', sends: [post('Content-Length: 3\r\n', 'abc')], halfCloses: true, statuses: [200] },
  { title: 'a second request hidden behind a length of 0', sends: [post('Content-Length: 0\r\n', 'GARBAGE\r\n\r\n')], statuses: [200, 400] },
  { title: 'an empty line before a request', sends: ['\r\n', get('/')], statuses: [200], survives: true },
]; // biome-ignore format: a table

const statusesIn = (answers: string): number[] =>
  [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);

for (const mode of MODES) {
  describe(`a status or a clean close in mode ${mode}, and the next is served, after`, () => {
    let watchdog: Watchdog;
    before(async () => {
      watchdog = await startWatchdog({ mode, fprocess: 'cat' });
    });
    after(stopWatchdogs);

    for (const { title, sends, statuses, halfCloses = false, survives = false } of CASES) {
      it(title, async () => {
        const expected = 'length' in statuses ? statuses : statuses[mode];
        const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
        for (const piece of sends) client.send(piece);
        if (halfCloses) client.socket.end();
        if (survives) {
          await client.until(() => statusesIn(client.received).length >= expected.length);
          client.send(post('Content-Length: 5\r\nConnection: close\r\n', 'still'));
        }
        const received = await client.untilEnd();
        client.destroy();
        expect(statusesIn(received)).to.deep.equal(survives ? [...expected, 200] : [...expected]);
        if (survives) expect(received).to.match(/still(\r\n0\r\n\r\n)?$/);
        const next = await fetch(watchdog.url, { method: 'POST', body: `after ${title}` });
        expect(await next.text()).to.equal(`after ${title}`);
      });
    }
  });

  describe(`bad input in mode ${mode}`, () => {
    let watchdog: Watchdog;
    const clients: RawPeer[] = [];
    const connect = async (): Promise<RawPeer> => {
      const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
      clients.push(client);
      return client;
    };
    const start = async (env: Record<string, string> = {}): Promise<void> => {
      watchdog = await startWatchdog({ mode, fprocess: 'cat', ...env });
    };
    afterEach(async () => {
      for (const client of clients.splice(0)) client.destroy();
      await stopWatchdogs();
    });

    it('gives every pipelined request its own answer, in order, however they are cut', async () => {
      await start();
      const bodies = Array.from({ length: 30 }, (_, i) => `body ${i} ${'x'.repeat(i * 37)}`);
      const all = bodies
        .map((body, i) =>
          i % 2 === 0
            ? post(`Content-Length: ${body.length}\r\n`, body)
            : chunked(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`),
        )
        .join('');
      const client = await connect();
      for (let at = 0; at < all.length; at += 701) {
        client.send(all.slice(at, at + 701));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await client.until(
        () => statusesIn(client.received).length === bodies.length && client.received.includes('body 29'),
      );
      const seen = [...client.received.matchAll(/body (\d+) x*/g)].map(([text]) => text);
      expect(seen).to.deep.equal(bodies);
    });

    it('passes every byte of a body through, both ways', async () => {
      await start();
      const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const answer = await (await fetch(watchdog.url, { method: 'POST', body })).arrayBuffer();
      expect(Buffer.from(answer).equals(body)).to.equal(true);
    });

    it('passes every byte of a header and of an escaped path to the process', async () => {
      await start({ fprocess: 'env' });
      const client = await connect();
      let value = '';
      for (let byte = 0x21; byte <= 0xff; byte++) if (byte !== 0x7f) value += String.fromCharCode(byte);
      client.send(get('/p%ff%C3%A9', `X-Bytes: ${value}\r\nConnection: close\r\n`));
      const received = await client.untilEnd();
      expect(received).to.contain(`\nHttp_X_Bytes=${value}\n`);
      expect(received).to.contain('\nHttp_Path=/p\xff\xc3\xa9\n');
      expect(received).not.to.contain('SKEP_RAW');
    });

    it('gives a process started that way the streams, signals and descriptors of any other', async () => {
      await start({ fprocess: './tells-its-inheritance' });
      const tell = async (header: string): Promise<string> => {
        const client = await connect();
        client.send(post(`X-A: ${header}\r\nContent-Length: 3\r\nConnection: close\r\n`, 'abc'));
        const received = await client.untilEnd();
        const [head = '', ...body] = received.split('\r\n\r\n');
        const text = body.join('\r\n\r\n');
        // In pieces as they were written, which is a matter of time.
        return head.includes('chunked') ? text.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '') : text;
      };
      const plain = await tell('a');
      expect(plain).to.contain('stdin abc\nSigBlk').and.to.contain('SigIgn');
      expect(await tell('\xff')).to.equal(plain);
    });

    it('holds no place longer than the time limit, however steadily it trickles in', async function () {
      this.timeout(15_000);
      await start({ read_timeout: '10s', write_timeout: '700ms', exec_timeout: '700ms', max_inflight: '1' });
      const trickle = await connect();
      trickle.send(post('Content-Length: 1000\r\n', 'a'));
      const drops = setInterval(() => trickle.send('a'), 50);
      try {
        await trickle.untilReceived('\r\n\r\n');
        expect(statusesIn(trickle.received)).to.deep.equal([mode === 'streaming' ? 200 : 408]);
        await until(async () => (await fetch(watchdog.url)).status === 200, 'the next call is served');
      } finally {
        clearInterval(drops);
      }
    });

    it('is cut off when it comes too slowly', async function () {
      this.timeout(15_000);
      await start({ read_timeout: '1s' });
      const heads = await connect();
      heads.send('GET / HTTP/1.1\r\nHo');
      const bodies = await connect();
      bodies.send(post('Content-Length: 10\r\n', 'abc'));
      expect(statusesIn(await heads.untilEnd())).to.deep.equal([408]);
      const received = await bodies.untilEnd();
      // In mode streaming the process has answered already: all that is left is to break off.
      expect(statusesIn(received)).to.deep.equal(mode === 'streaming' ? [200] : [408]);
      expect(received.endsWith('0\r\n\r\n')).to.equal(false);
      const page = await (await fetch(watchdog.metricsUrl)).text();
      if (mode !== 'streaming') expect(page).to.contain('http_requests_total{code="408",method="post"} 1\n');
    });
  });
}
