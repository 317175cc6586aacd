import { expect } from 'chai';
import { formatGoTime, toLayout } from '../../cli/go-time.ts';
import { Workplace } from './support/run-skep.ts';
import type { Answer, ScriptedGateway } from './support/scripted-gateway.ts';

const line = (second: number, text: string): string =>
  `${JSON.stringify({ name: 'hello', namespace: 'openfaas-fn', instance: 'task1', timestamp: `2026-01-02T15:04:0${second}.123456789Z`, text })}\n`;

describe('skep logs', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway(() => ({ status: 200, body: line(1, 'one') + line(2, 'two\n') }));
  });
  afterEach(() => place.remove());
  const logs = (...args: string[]) => place.skep(['logs', ...args]);
  const query = (index = 0): Record<string, string> =>
    Object.fromEntries(new URL(gateway.received[index]?.url ?? '', 'http://g').searchParams);

  it('prints time and text of what there is', async () => {
    const ran = await logs('hello', '--tail=false');
    expect(ran.stdout).to.equal('2026-01-02T15:04:01Z one\n2026-01-02T15:04:02Z two\n');
    expect(ran.exitCode).to.equal(0);
    expect(query()).to.deep.equal({ name: 'hello', follow: 'false', tail: '-1' });
  });

  const formats: readonly [string[], string][] = [
    [['--name', '--instance'], '2026-01-02T15:04:01Z hello (task1) one'],
    [['--time-format', '', '--instance'], '(task1) one'],
    [['--time-format='], 'one'],
    [['-o', 'keyvalue'], 'timestamp="2026-01-02T15:04:01Z" text="one" '],
    [
      ['-o=keyvalue', '--name', '--instance', '--time-format', 'rfc822'],
      'timestamp="02 Jan 26 15:04 UTC" name="hello" instance="task1" text="one" ',
    ],
    [['-j'], line(1, 'one').trimEnd()],
    [['--output', 'json'], line(1, 'one').trimEnd()],
  ];
  for (const [flags, first] of formats) {
    it(`prints with ${flags.join(' ')}`, async () => {
      const { stdout } = await logs('hello', '-t=false', ...flags);
      expect(stdout.split('\n')[0]).to.equal(first);
    });
  }

  it('asks for what the flags say', async () => {
    await logs(
      'hello',
      '--tail=false',
      '--lines=5',
      '-n',
      'dev',
      '--since-time',
      '2026-01-02T05:00:00.5+02:00',
    );
    expect(query()).to.deep.equal({
      name: 'hello',
      namespace: 'dev',
      follow: 'false',
      tail: '5',
      since: '2026-01-02T03:00:00Z',
    });
    const before = Date.now();
    await logs('hello', '--tail=false', '--lines', '0', '--since', '10m');
    const { since = '', ...rest } = query(1);
    expect(rest).to.deep.equal({ name: 'hello', follow: 'false' });
    expect(Date.parse(since)).to.be.within(before - 601_000, Date.now() - 600_000);
  });

  it('lets an address that was given count, also when it is the default one', async () => {
    const ran = await logs('hello', '--tail=false', '-g', 'http://127.0.0.1:8080', '-k', 'none');
    expect(ran.exitCode).to.equal(1); // whatever is there, it is not the one that answers
    expect(gateway.calls).to.deep.equal([]);
  });

  it('follows by default, asks again when the gateway closes, and repeats nothing', async () => {
    gateway.answer = () => {
      const nth = gateway.received.length;
      if (nth === 1) return { status: 200, body: line(1, 'one') + line(2, 'two') };
      if (nth === 2) return { status: 503, body: 'no quorum' };
      if (nth === 3)
        return {
          status: 200,
          body:
            line(1, 'left out by --lines').replace('123456789', '123456788') +
            line(2, 'two') +
            line(3, 'three'),
        };
      return { status: 404 };
    };
    const ran = await logs('hello', '--lines', '2', '--time-format=');
    expect(ran.stdout.split('\n')).to.deep.equal(['one', 'two', 'three', '']);
    expect(ran.stderr).to.contain('no quorum').and.to.contain('the function was removed');
    expect(ran.exitCode).to.equal(0);
    expect(query(0)).to.include({ follow: 'true', tail: '2' });
    expect(query(2))
      .to.include({ follow: 'true', since: '2026-01-02T15:04:00.123Z' })
      .and.to.not.have.property('tail');
  }).timeout(20_000);

  it('prints every line of a stream, also those that are the same in all, and leaves out only what came before a break', async () => {
    const same = line(2, 'same');
    gateway.answer = () => {
      const nth = gateway.received.length;
      if (nth === 1) return { status: 200, body: same.repeat(200) + line(1, 'late') };
      // The last two of them came while nobody listened.
      if (nth === 2) return { status: 200, body: line(1, 'late') + same.repeat(202) + line(3, 'end') };
      if (nth === 3) return { status: 200, body: same.repeat(202) + line(3, 'end').repeat(2) };
      return { status: 404 };
    };
    const ran = await logs('hello', '--time-format=', '--lines=201');
    const printed = ran.stdout.trimEnd().split('\n');
    expect(printed.filter((text) => text === 'same')).to.have.length(202);
    expect(printed.filter((text) => text !== 'same')).to.deep.equal(['late', 'end', 'end']);
  }).timeout(20_000);

  const refused: readonly [string, string[], string][] = [
    ['no name', [], 'provide the name of a function, or a stack file'],
    ['an unknown format', ['hello', '-o', 'xml'], 'plain, keyvalue, json'],
    ['lines that are no number', ['hello', '--lines', 'many'], '--lines must be a whole number'],
    ['a time that is none', ['hello', '--since-time', 'noon'], '--since-time must be a time'],
    ['a duration that is none', ['hello', '--since', 'long'], '--since long: expected a duration'],
    [
      'both ways to say since',
      ['hello', '--since', '1m', '--since-time', '2026-01-01T00:00:00Z'],
      'not both',
    ],
  ];
  for (const [what, args, message] of refused) {
    it(`refuses ${what} before it asks`, async () => {
      const ran = await logs(...args);
      expect(ran.stdout.toLowerCase()).to.contain(message.toLowerCase());
      expect(ran.exitCode).to.equal(1);
      expect(gateway.calls).to.deep.equal([]);
    });
  }

  const failed: readonly [string, Answer, string][] = [
    ['an unknown function', { status: 404 }, 'No such function: hello'],
    ['no login', { status: 401 }, 'unauthorized access'],
    ['a gateway without logs', { status: 501 }, 'no logs'],
    ['a failure', { status: 500, body: 'function log request failed' }, '500 - function log request failed'],
    ['a page', { status: 200, body: '<html>\n' }, 'something that is no log: <html>'],
    ['an object of something else', { status: 200, body: '{"a":1}\n' }, 'a line without a time'],
  ];
  for (const [what, reply, message] of failed) {
    for (const tail of ['true', 'false']) {
      it(`fails on ${what} with --tail=${tail}`, async () => {
        gateway.answer = () => reply;
        const ran = await logs('hello', `--tail=${tail}`);
        expect(ran.stdout.toLowerCase()).to.contain(message.toLowerCase());
        expect(ran.exitCode).to.equal(1);
      });
    }
  }
});

describe('a time in a layout of Go', () => {
  const cases: readonly [string, string][] = [
    ['ansic', 'Fri Jan  2 03:04:05 2026'],
    ['UnixDate', 'Fri Jan  2 03:04:05 UTC 2026'],
    ['rubydate', 'Fri Jan 02 03:04:05 +0000 2026'],
    ['rfc850', 'Friday, 02-Jan-26 03:04:05 UTC'],
    ['rfc1123z', 'Fri, 02 Jan 2026 03:04:05 +0000'],
    ['rfc3339nano', '2026-01-02T03:04:05.1204Z'],
    ['15:04:05.000', '03:04:05.120'],
    ['3:4:5 pm on day 002, [1/2/06] _2006', '3:4:5 am on day 002, [1/2/26] _2026'],
    ['', ''],
    ['nothing of it', 'nothing of it'],
  ];
  for (const [layout, expected] of cases) {
    it(`is ${expected} for ${layout}`, () => {
      expect(formatGoTime('2026-01-02T03:04:05.120400Z', toLayout(layout))).to.equal(expected);
    });
  }
  it('is told in its own zone', () => {
    const at = '2026-12-31T23:30:00-05:30';
    expect(formatGoTime(at, toLayout('rfc3339'))).to.equal(at);
    expect(formatGoTime(at, 'Mon MST -07 Z0700 January 03PM')).to.equal('Thu -0530 -05 -0530 December 11PM');
  });
  it('is left as it is when it is none', () => {
    expect(formatGoTime('yesterday', toLayout('rfc3339'))).to.equal('yesterday');
  });
});
