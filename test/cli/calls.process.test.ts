import { expect } from 'chai';
import { type RunningControlPlane, startControlPlane } from '../support/control-plane.ts';
import { createFakeCalls, type FakeCalls, fakeLetter, fakeRecord } from '../support/fake-calls.ts';
import { Workplace } from './support/run-skep.ts';
import type { Answer, Received, ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep calls, cancel and redrive', function () {
  this.timeout(30_000);
  let place: Workplace;
  let control: RunningControlPlane;
  let calls: FakeCalls;
  beforeEach(async () => {
    place = new Workplace();
    calls = createFakeCalls();
    control = await startControlPlane({ calls, credentials: 'open' });
    place.env['OPENFAAS_URL'] = control.url;
  });
  afterEach(async () => {
    await place.remove();
    await control.close();
  });
  const skep = async (...args: string[]): Promise<[number, string]> => {
    const { exitCode, stdout } = await place.skep(args);
    return [exitCode, stdout];
  };
  const put = (...records: ReturnType<typeof fakeRecord>[]): void => {
    for (const record of records) calls.records.set(record.id, record);
  };
  const at = Date.parse('2026-01-31T12:00:01Z');

  it('lists calls as a table, and as JSON for programs', async () => {
    put(
      fakeRecord({ id: 'call-1', state: 'running', attempt: 2 }),
      fakeRecord({ id: 'b', state: 'succeeded', attempt: 1, endedAt: at }),
    );
    expect(await skep('calls')).to.deep.equal([
      0,
      [
        'Id      Status     Function          Attempt  Accepted              Ended',
        'call-1  running    echo.openfaas-fn  2        2026-01-31T12:00:00Z',
        'b       succeeded  echo.openfaas-fn  1        2026-01-31T12:00:00Z  2026-01-31T12:00:01Z',
        '',
      ].join('\n'),
    ]);
    const [exitCode, stdout] = await skep('calls', '-o', 'json', '--status', 'running');
    expect(exitCode).to.equal(0);
    expect(JSON.parse(stdout).map(({ id }: { id: string }) => id)).to.deep.equal(['call-1']);
  });

  it('asks for a function, its namespace and a status, and for as many pages as it takes', async () => {
    for (let i = 0; i < 1100; i++) put(fakeRecord({ id: `call-${i}` }));
    const [, stdout] = await skep('calls', '--function', 'echo', '--status', 'queued', '--limit', '1050');
    expect(stdout.trimEnd().split('\n')).to.have.length(1051);
    expect(calls.asked.map((each) => /"limit":(\d+)/.exec(each)?.[1])).to.deep.equal(['500', '500', '50']);
    await skep('calls', '--function', 'echo', '-n', 'dev');
    expect(calls.asked.at(-1)).to.contain('"name":"echo.dev"');
  });

  it('shows one call', async () => {
    put(
      fakeRecord({
        id: 'a',
        state: 'dead',
        attempt: 2,
        endedAt: at,
        reason: 'attempt 2 of 2 was answered 500',
        callbackUrl: 'https://example.com/',
        attempts: [
          { step: 0, attempt: 1, startedAt: at, seconds: 0.5, error: 'no answer' },
          { step: 0, attempt: 2, startedAt: at, seconds: 1, status: 500 },
        ],
        result: { status: 500, headers: ['Content-Type', 'text/plain'], bytes: 3, kept: 'message' },
      }),
    );
    const [exitCode, stdout] = await skep('calls', 'a');
    expect(exitCode).to.equal(0);
    expect(stdout).to.equal(`Id:             a
Status:         dead
Reason:         attempt 2 of 2 was answered 500
Function:       echo.openfaas-fn
Queue:          faas-request
Accepted:       2026-01-31T12:00:00.000Z
Attempt:        2
Ended:          2026-01-31T12:00:01.000Z
Answer:         status 500, 3 bytes, text/plain
Callback:       https://example.com/
Attempts:
  2026-01-31T12:00:01.000Z  echo.openfaas-fn #1  0.500s  no answer
  2026-01-31T12:00:01.000Z  echo.openfaas-fn #2  1.000s  status 500
`);
    expect(await skep('calls', 'none')).to.deep.equal([
      1,
      'Server returned unexpected status code: 404 - there is no call none, or it ended longer ago than calls are kept\n',
    ]);
  });

  it('prints the answer of a call, byte by byte', async () => {
    const body = Buffer.from([0, 255, 10, 13, 0]);
    put(
      fakeRecord({
        id: 'a/b',
        state: 'succeeded',
        result: { status: 200, headers: [], bytes: body.length, kept: 'message' },
      }),
    );
    calls.bodies.set('a/b', body);
    const { exitCode, stdout } = await place.skep(['calls', 'a/b', '--result']);
    expect(exitCode).to.equal(0);
    expect(stdout).to.equal(body.toString());
    put(fakeRecord({ id: 'waits' }));
    const [code, told] = await skep('calls', 'waits', '--result');
    expect(code).to.equal(1);
    expect(told).to.contain('he call waits is queued').and.to.contain('skep calls waits');
  });

  it('lists, shows and throws away dead letters', async () => {
    calls.letters = [fakeLetter('a'), fakeLetter('b', 'other.openfaas-fn'), fakeLetter('c')];
    const [, list] = await skep('calls', '--dead');
    expect(list.split('\n')[1]).to.equal(
      'a   echo.openfaas-fn   2023-11-14T22:13:21Z  attempt 1 of 1 was answered 500',
    );
    const [, one] = await skep('calls', 'b', '--dead');
    expect(one).to.contain('Answer begins:\noh no\n').and.to.contain('Path:           /x?y=1');
    expect(await skep('calls', 'a', '--dead', '--purge')).to.deep.equal([0, 'Thrown away: 1 call\n']);
    expect(await skep('calls', '--dead', '--purge', '--function', 'other')).to.deep.equal([
      0,
      'Thrown away: 1 call\n',
    ]);
    expect(await skep('calls', '--dead', '--purge', '--all')).to.deep.equal([0, 'Thrown away: 1 call\n']);
    expect(calls.letters).to.deep.equal([]);
  });

  it('sends dead calls again: those named, those of a function, all, at a rate', async () => {
    calls.letters = [fakeLetter('a'), fakeLetter('b'), fakeLetter('c'), fakeLetter('d', 'other.dev')];
    expect(await skep('redrive', 'a', 'b')).to.deep.equal([0, 'Sent again: 2 calls\n']);
    await skep('redrive', '--function', 'other.dev', '--rate', '10');
    expect(await skep('redrive', '--all')).to.deep.equal([0, 'Sent again: 1 call\n']);
    expect(calls.asked).to.deep.equal([
      'redrive {"id":"a"} 0',
      'redrive {"id":"b"} 0',
      'redrive {"function":"other.dev"} 10',
      'redrive {} 0',
    ]);
    const [exitCode, stdout] = await skep('redrive', 'a');
    expect([exitCode, stdout.includes('there is no dead letter of the call a')]).to.deep.equal([1, true]);
  });

  it('cancels', async () => {
    put(fakeRecord({ id: 'a' }), fakeRecord({ id: 'b' }), fakeRecord({ id: 'over', state: 'failed' }));
    expect(await skep('cancel', 'a', 'b')).to.deep.equal([0, 'Cancelled: a\nCancelled: b\n']);
    const [exitCode, stdout] = await skep('cancel', 'over');
    expect(exitCode).to.equal(1);
    expect(stdout).to.contain('the call over has ended already');
  });

  it('cancels the others, too, when one has ended', async () => {
    put(fakeRecord({ id: 'over', state: 'failed' }), fakeRecord({ id: 'b' }));
    const [exitCode, stdout] = await skep('cancel', 'over', 'b');
    expect(exitCode).to.equal(1);
    expect(stdout).to.contain('Cancelled: b').and.to.contain('over: ');
  });

  for (const args of [
    ['calls', 'a', '--function', 'b'],
    ['calls', 'a', '--status', 'dead'],
    ['calls', '--dead', '--status', 'dead'],
    ['calls', '--purge', '--all'],
    ['calls', '--dead', '--purge'],
    ['calls', 'a', '--dead', '--purge', '--all'],
    ['calls', '--result'],
    ['calls', '-o', 'yaml'],
    ['calls', '--limit', '0'],
    ['redrive'],
    ['redrive', 'a', '--all'],
    ['redrive', '--all', '--function', 'b'],
    ['redrive', '--all', '--rate', '-1'],
    ['cancel'],
    ['invoke', 'a', '--wait'],
  ]) {
    it(`refuses "skep ${args.join(' ')}" before it asks`, async () => {
      const [exitCode, stdout] = await skep(...args);
      expect(exitCode).to.equal(1);
      expect(stdout).not.to.equal('');
      expect(control.requests).to.deep.equal([]);
    });
  }
});

describe('skep invoke --async --wait', function () {
  this.timeout(30_000);
  let place: Workplace;
  let gateway: ScriptedGateway;
  let answer: (request: Received) => Answer;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway((request) =>
      request.method === 'POST' ? { status: 202, headers: { 'X-Call-Id': 'a b' } } : answer(request),
    );
  });
  afterEach(() => place.remove());
  const ended = { 'X-Skep-Call-Status': 'succeeded' };
  const notEnded: Answer = {
    status: 409,
    headers: { 'X-Skep-Error': 'call_not_ended' },
    body: 'the call is running',
  };

  it('asks until the call has ended, and prints what the function answered', async () => {
    let asked = 0;
    answer = () => (++asked < 3 ? notEnded : { status: 200, headers: ended, body: 'done' });
    const { exitCode, stdout, stderr } = await place.skep(['invoke', 'hello', '--async', '--wait'], 'input');
    expect([exitCode, stdout]).to.deep.equal([0, 'done']);
    expect(stderr).to.contain('Call id: a b');
    expect(gateway.received[0]?.body).to.equal('input');
    expect(gateway.calls).to.deep.equal([
      'POST /async-function/hello.openfaas-fn',
      ...Array<string>(3).fill('GET /system/calls/a%20b/result?wait=60000ms'),
    ]);
  });

  it('fails as the function did', async () => {
    answer = () => ({ status: 404, headers: { 'X-Skep-Call-Status': 'failed' }, body: 'no such cat' });
    const { exitCode, stdout } = await place.skep(['invoke', 'hello', '--async', '--wait']);
    expect([exitCode, stdout]).to.deep.equal([
      1,
      'The call is failed: the function answered 404 - no such cat\n',
    ]);
  });

  it('gives up in time, and says how to ask later', async () => {
    answer = () => notEnded;
    const { exitCode, stdout } = await place.skep([
      'invoke',
      'hello',
      '--async',
      '--wait',
      '--timeout',
      '200ms',
    ]);
    expect(exitCode).to.equal(1);
    expect(stdout).to.contain('he call is running').and.to.contain('skep calls a b');
  });

  it('waits for a gateway or a queue that is away meanwhile', async () => {
    let asked = 0;
    answer = () =>
      ++asked < 2
        ? { status: 503, headers: { 'X-Skep-Error': 'queue_unavailable' }, body: 'NATS is away' }
        : { status: 200, headers: ended, body: 'done' };
    const { exitCode, stdout, stderr } = await place.skep(['invoke', 'hello', '--async', '--wait']);
    expect([exitCode, stdout]).to.deep.equal([0, 'done']);
    expect(stderr).to.contain('Waiting for the gateway: NATS is away');
  });

  it('says so where one has to log in, and where nothing is kept', async () => {
    answer = () => ({ status: 401 });
    expect((await place.skep(['invoke', 'hello', '--async', '--wait'])).stdout).to.contain('skep login');
    answer = () => ({
      status: 404,
      headers: { 'X-Skep-Error': 'result_not_found' },
      body: 'there is no answer',
    });
    const { exitCode, stdout } = await place.skep(['invoke', 'hello', '--async', '--wait']);
    expect(exitCode).to.equal(1);
    expect(stdout).to.contain('there is no answer');
  });
});
