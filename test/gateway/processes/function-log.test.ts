import { expect } from 'chai';
import type { LogLine, LogRequest } from '../../../gateway/functions/log-source.ts';
import { FunctionLog } from '../../../gateway/processes/function-log.ts';

const REF = { name: 'p', namespace: 'n' };

describe('the log of one function', () => {
  let seconds = 0;
  const newLog = (): FunctionLog => new FunctionLog(REF, () => new Date(++seconds * 1000));
  beforeEach(() => {
    seconds = 0;
  });
  const request = (changes: Partial<LogRequest> = {}): LogRequest => ({
    ref: REF,
    follow: false,
    ...changes,
  });
  const texts = async (log: FunctionLog, changes?: Partial<LogRequest>): Promise<string[]> => {
    const lines = await Array.fromAsync(log.read(request(changes), new AbortController().signal));
    return lines.map(({ text }) => text);
  };

  it('gives the newest lines, those since a time, those of one replica and the cluster’s', async () => {
    const log = newLog();
    for (const [instance, text] of [
      ['a', '1'],
      ['b', '2'],
      ['', '3'],
      ['a', '4'],
    ] as const)
      log.add(instance, text);
    expect(await texts(log)).to.deep.equal(['1', '2', '3', '4']);
    expect(await texts(log, { tail: 2 })).to.deep.equal(['3', '4']);
    expect(await texts(log, { tail: 0 })).to.deep.equal([]);
    expect(await texts(log, { tail: 9 })).to.deep.equal(['1', '2', '3', '4']);
    expect(await texts(log, { since: '1970-01-01T00:00:02Z' })).to.deep.equal(['2', '3', '4']);
    expect(await texts(log, { since: '1970-01-01T01:00:03.000+01:00' })).to.deep.equal(['3', '4']);
    expect(await texts(log, { instance: 'a' })).to.deep.equal(['1', '3', '4']);
    expect(await texts(log, { instance: 'b', tail: 1 })).to.deep.equal(['3']);
  });

  it('gives lines of one millisecond a time each, in their order', () => {
    let ms = 1000;
    const log = new FunctionLog(REF, () => new Date(ms));
    const stamps = Array.from({ length: 3 }, () => log.add('a', 'same').timestamp);
    ms = 1001;
    stamps.push(log.add('a', 'same').timestamp);
    expect(stamps).to.deep.equal([
      '1970-01-01T00:00:01.000000000Z',
      '1970-01-01T00:00:01.000000001Z',
      '1970-01-01T00:00:01.000000002Z',
      '1970-01-01T00:00:01.001000000Z',
    ]);
  });

  it('goes on with new lines, each once, until it is closed', async () => {
    const log = newLog();
    log.add('a', '1');
    const told: string[] = [];
    const ended = (async () => {
      for await (const { text } of log.read(request({ follow: true, tail: 0 }), new AbortController().signal))
        told.push(text);
    })();
    await Bun.sleep(0);
    log.add('a', '2');
    await Bun.sleep(0);
    log.add('a', '3');
    log.add('a', '4');
    log.close();
    await ended;
    expect(told).to.deep.equal(['2', '3', '4']);
  });

  it('ends quietly when its reader leaves', async () => {
    const leaving = new AbortController();
    const lines = newLog().read(request({ follow: true }), leaving.signal);
    const next = lines.next();
    leaving.abort();
    expect(await next).to.deep.equal({ done: true, value: undefined });
  });

  it('keeps the newest of very many lines, and tells a slow reader how many it has missed', async () => {
    const log = newLog();
    log.add('a', 'first');
    const lines = log.read(request({ follow: true }), new AbortController().signal);
    expect((await lines.next()).value?.text).to.equal('first');
    for (let index = 0; index < 30_000; index++) log.add('a', `line ${index}`);
    log.close();
    const rest: LogLine[] = [];
    for await (const line of lines) rest.push(line);
    const [, missing] = /^(\d+) lines are missing here/.exec(rest[0]?.text ?? '') ?? [];
    expect(rest[0]?.instance).to.equal('');
    expect(Number(missing) + rest.length - 1).to.equal(30_000);
    expect(rest.at(-1)?.text).to.equal('line 29999');
  });

  it('keeps the newest of very long lines', async () => {
    const log = newLog();
    for (let index = 0; index < 100; index++) log.add('a', `${index} ${'x'.repeat(250_000)}`);
    const kept = await texts(log);
    expect(kept.length).to.be.within(20, 34);
    expect(kept.at(-1)).to.match(/^99 /);
  });
});
