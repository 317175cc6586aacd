import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import type { LogLine, LogRequest } from '../../../gateway/functions/log-source.ts';
import { createFrameDecoder, createLineDecoder, parseTaskLine } from '../../../gateway/swarm/log-frames.ts';
import { createSwarmLogs } from '../../../gateway/swarm/swarm-logs.ts';
import { until } from '../../support/platform.ts';
import {
  frame,
  type LogScript,
  type ScriptedLogEngine,
  startLogEngine,
  written,
} from './scripted-log-engine.ts';

const ECHO = { name: 'echo', namespace: 'openfaas-fn' };

describe('the frames of a log', () => {
  const bytes = Buffer.concat([
    frame('erste Zeile\n'),
    frame('', 2),
    frame('zweite: ü€\n', 2),
    frame('lost', 3),
  ]);

  it('are read wherever the stream is cut', () => {
    const whole = createFrameDecoder().push(bytes);
    expect(whole.map(({ text }) => text)).to.deep.equal(['erste Zeile\n', '', 'zweite: ü€\n', 'lost']);
    expect(whole.map(({ kind }) => kind)).to.deep.equal(['output', 'output', 'output', 'engine_error']);
    for (let at = 0; at <= bytes.length; at++) {
      const decoder = createFrameDecoder();
      const frames = [...decoder.push(bytes.subarray(0, at)), ...decoder.push(bytes.subarray(at))];
      expect(frames, `cut at ${at}`).to.deep.equal(whole);
    }
    const byByte = createFrameDecoder();
    expect([...bytes].flatMap((byte) => byByte.push(Uint8Array.of(byte)))).to.deep.equal(whole);
  });

  it('are refused when they are none', () => {
    expect(() => createFrameDecoder().push(Buffer.from('2026-01-01T bare text'))).to.throw('no log');
    const endless = frame('');
    endless.writeUInt32BE(0xffffffff, 4);
    expect(() => createFrameDecoder().push(endless)).to.throw('no log');
  });

  it('of a terminal are its lines', () => {
    const decoder = createLineDecoder();
    expect(
      [...decoder.push(Buffer.from('a\nb')), ...decoder.push(Buffer.from('c\n'))].map((f) => f.text),
    ).to.deep.equal(['a', 'bc']);
  });

  it('hold time, task and text, which loses its line end alone', () => {
    expect(parseTaskLine(written(1, '  2026/01/01 Forking fprocess. \r'))).to.deep.equal({
      timestamp: '2026-01-01T00:00:01.000000001Z',
      taskId: 'one',
      text: '  2026/01/01 Forking fprocess. ',
    });
    expect(parseTaskLine(written(1, '')).text).to.equal('');
    expect(parseTaskLine(written(1, 'two\nlines')).text).to.equal('two\nlines');
    expect(() => parseTaskLine('no time at all')).to.throw('without a time');
  });
});

describe('the log of a Swarm service', () => {
  let engine: ScriptedLogEngine;
  let gone: AbortController;
  let service: { isThere: boolean; tty?: boolean };

  beforeEach(() => {
    gone = new AbortController();
    service = { isThere: true };
  });
  afterEach(async () => {
    gone.abort();
    await engine.close();
  });

  const open = async (
    script: LogScript,
    request: Partial<LogRequest> = {},
  ): Promise<AsyncIterable<LogLine>> => {
    engine = await startLogEngine(script, service);
    const source = createSwarmLogs({ docker: engine.docker, silenceMs: 30 });
    return source.open({ ref: ECHO, follow: false, ...request }, gone.signal);
  };
  const texts = async (lines: AsyncIterable<LogLine>): Promise<string[]> =>
    (await Array.fromAsync(lines)).map(({ text }) => text);
  const next = async (iterator: AsyncIterator<LogLine>): Promise<string> => {
    const { done, value } = await iterator.next();
    return done === true ? '(end)' : value.text;
  };
  const writing =
    (...lines: readonly string[]): LogScript =>
    (response) =>
      void response.end(Buffer.concat(lines.map((line) => frame(line))));

  it('is asked for with all that the lines need', async () => {
    await texts(await open(writing(), { since: '2026-01-01T00:00:00.5+01:00' }));
    expect(Object.fromEntries(engine.queries[0] ?? [])).to.deep.equal({
      stdout: '1',
      stderr: '1',
      timestamps: '1',
      details: '1',
      follow: '0',
      tail: 'all',
      since: '1767222000.500000000',
    });
  });

  it('names the replica by its task', async () => {
    const [line] = await Array.fromAsync(await open(writing(written(1, 'hi', 'task7'))));
    expect(line).to.deep.equal({
      ...ECHO,
      instance: 'task7',
      timestamp: '2026-01-01T00:00:01.000000001Z',
      text: 'hi',
    });
  });

  it('gives the newest lines of all replicas together, in the order of time', async () => {
    const script = writing(
      written(1, 'a1', 'a'),
      written(4, 'a4', 'a'),
      written(2, 'b2', 'b'),
      written(3, 'b3', 'b'),
    );
    expect(await texts(await open(script, { tail: 2 }))).to.deep.equal(['b3', 'a4']);
    expect(engine.queries[0]?.get('tail')).to.equal('2');
  });

  it('gives the lines of one replica', async () => {
    const script = writing(written(1, 'a', 'a'), written(2, 'b', 'b'), written(3, 'ab', 'ab'));
    expect(await texts(await open(script, { instance: 'a', tail: 5 }))).to.deep.equal(['a']);
  });

  it('tells what the engine says of nodes it cannot ask', async () => {
    const lines = await Array.fromAsync(
      await open((response) => {
        response.write(frame(written(1, 'a')));
        response.end(frame('Error grabbing logs: node n2 is not available\n', 3));
      }),
    );
    expect(lines.map(({ instance, text }) => [instance, text])).to.deep.equal([
      ['one', 'a'],
      ['', 'Error grabbing logs: node n2 is not available'],
    ]);
  });

  it('reads services with a terminal', async () => {
    service.tty = true;
    expect(await texts(await open((response) => void response.end(written(1, 'bare'))))).to.deep.equal([
      'bare',
    ]);
  });

  it('is no function that there is', async () => {
    service.isThere = false;
    const error = await open(writing()).catch((cause: unknown) => cause);
    expect((error as FaasError).code).to.equal('function_not_found');
  });

  it('is refused before anything is answered when the engine refuses', async () => {
    const error = await open((response) => void response.writeHead(500).end('{"message":"no leader"}')).catch(
      (cause: unknown) => cause,
    );
    expect(error).to.be.instanceOf(FaasError);
    expect((error as FaasError).code).to.equal('provider_unavailable');
  });

  it('breaks off when the engine goes silent before the end', async () => {
    const lines = await open((response) => void response.write(frame(written(1, 'a'))));
    const error = await texts(lines).catch((cause: unknown) => cause);
    expect((error as FaasError).message).to.include('and did not end it');
    await until('the stream is closed', async () => engine.openStreams() === 0, 5000);
  });

  it('frees the stream when the reader goes, in the middle of a wait and before it ever read', async () => {
    const reading = (await open((response) => void response.write(frame(written(1, 'a'))), { follow: true }))[
      Symbol.asyncIterator
    ]();
    expect(await next(reading)).to.equal('a');
    const waiting = next(reading);
    gone.abort();
    expect(await waiting).to.equal('(end)');
    await until('the stream is closed', async () => engine.openStreams() === 0, 5000);
    await engine.close();

    gone = new AbortController();
    await open((response) => void response.write(frame(written(1, 'a'))), { follow: true });
    expect(engine.openStreams()).to.equal(1);
    gone.abort();
    await until('the stream is closed', async () => engine.openStreams() === 0, 5000);
  });

  it('is read no faster than the reader reads', async () => {
    let sent = 0;
    const lines = await open(
      (response) => {
        const write = (): void => {
          while (sent < 100_000) {
            sent += 1;
            if (!response.write(frame(written(1, 'x'.repeat(10_000))))) {
              response.once('drain', write);
              return;
            }
          }
        };
        write();
      },
      { follow: true },
    );
    const iterator = lines[Symbol.asyncIterator]();
    await iterator.next();
    let before = -1;
    // What fits into the buffers in between is taken, and then no more.
    await until('the engine waits', async () => {
      const isStill = sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return isStill;
    });
    expect(sent).to.be.lessThan(2000);
  });

  it('that is only quiet is left alone', async () => {
    let follow: Parameters<LogScript>[0] | undefined;
    const iterator = (
      await open(
        (response, query) => {
          if (query.get('follow') === '1') {
            follow = response;
            response.write(frame(written(1, 'a')));
          } else response.end(frame(written(1, 'a')));
        },
        { follow: true },
      )
    )[Symbol.asyncIterator]();
    expect(await next(iterator)).to.equal('a');
    const later = next(iterator);
    await until('it was looked after', async () => engine.queries.length >= 4);
    follow?.write(frame(written(2, 'b')));
    expect(await later).to.equal('b');
    expect(engine.queries.filter((query) => query.get('follow') === '1').length).to.equal(1);
  });

  it('that stalls is opened again, and no line is repeated or left out', async () => {
    const all = Array.from({ length: 100 }, (_, second) =>
      written(second, `line ${second}`, second % 2 ? 'a' : 'b'),
    );
    let opened = 0;
    const iterator = (
      await open(
        (response, query) => {
          if (query.get('follow') === '1') opened += 1;
          else {
            response.end(Buffer.concat(all.slice(-2).map((line) => frame(line))));
            return;
          }
          // The first stream stops giving in the middle and stays open.
          response.write(Buffer.concat(all.slice(0, opened === 1 ? 90 : 100).map((line) => frame(line))));
        },
        { follow: true },
      )
    )[Symbol.asyncIterator]();
    for (let second = 0; second < 100; second++) expect(await next(iterator)).to.equal(`line ${second}`);
    expect(opened).to.equal(2);
    const again = engine.queries.filter((query) => query.get('follow') === '1')[1];
    expect(again?.get('since')).to.equal(
      String(Date.parse('2026-01-01T00:00:29Z') / 1000).concat('.000000000'),
    );
  });

  it('that the engine ends is opened again, and what tail cut off stays cut off', async () => {
    const lines = [1, 2, 3, 4, 5].map((second) => written(second, `line ${second}`));
    let followed = 0;
    const iterator = (
      await open(
        (response, query) => {
          if (query.get('follow') === '1') followed += 1;
          const shown = query.get('follow') === '1' && followed > 1 ? lines : lines.slice(0, 4);
          if (query.get('tail') === '2') shown.splice(0, 2);
          response.end(Buffer.concat(shown.map((line) => frame(line))));
        },
        { follow: true, tail: 2 },
      )
    )[Symbol.asyncIterator]();
    for (const second of [3, 4, 5]) expect(await next(iterator)).to.equal(`line ${second}`);
  });

  it('ends with the function', async () => {
    const iterator = (
      await open((response) => void response.write(frame(written(1, 'a'))), { follow: true })
    )[Symbol.asyncIterator]();
    expect(await next(iterator)).to.equal('a');
    service.isThere = false;
    expect(await next(iterator)).to.equal('(end)');
  });
});
