import { expect } from 'chai';
import type { LogLine } from '../../../gateway/functions/log-source.ts';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/platform.ts';

const ECHO = { name: 'echo', namespace: 'openfaas-fn' };

describe('GET /system/logs', () => {
  let control: RunningControlPlane;
  const stopping = { current: new AbortController() };

  beforeEach(async () => {
    stopping.current = new AbortController();
    control = await startControlPlane({ stopping: stopping.current.signal });
  });
  afterEach(() => control.close());

  const get = (query: string): Promise<Response> => control.call('GET', `/system/logs?${query}`);
  const linesOf = async (response: Response): Promise<LogLine[]> =>
    (await response.text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);

  it('answers one object a line with exactly the fields of the contract', async () => {
    control.logs.write(ECHO, {
      instance: 'a',
      timestamp: '2026-01-01T00:00:00.123456789Z',
      text: 'Hi "x"\u0000',
    });
    control.logs.write(ECHO, { instance: 'b', timestamp: '2026-01-01T00:00:01Z', text: '' });
    const response = await get('name=echo');
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.equal('application/x-ndjson');
    expect(await linesOf(response)).to.deep.equal([
      { ...ECHO, instance: 'a', timestamp: '2026-01-01T00:00:00.123456789Z', text: 'Hi "x"\u0000' },
      { ...ECHO, instance: 'b', timestamp: '2026-01-01T00:00:01Z', text: '' },
    ]);
  });

  it('passes on what is asked for', async () => {
    control.logs.know({ name: 'echo', namespace: 'other' });
    await get('name=echo.other&tail=5&since=2026-01-01T00:00:00%2B02:00&instance=x&follow=0');
    await get('name=echo&namespace=other&tail=-1');
    expect(control.logs.requests).to.deep.equal([
      {
        ref: { name: 'echo', namespace: 'other' },
        tail: 5,
        since: '2026-01-01T00:00:00+02:00',
        instance: 'x',
        follow: false,
      },
      { ref: { name: 'echo', namespace: 'other' }, follow: false },
    ]);
  });

  it('takes the last of repeated parameters, and empty ones as none', async () => {
    control.logs.know(ECHO);
    await get('name=nope&name=echo&tail=x&tail=3&since=&instance=&follow=');
    expect(control.logs.requests).to.deep.equal([{ ref: ECHO, tail: 3, follow: false }]);
  });

  for (const tail of ['0', '-1', '-20', '+0']) {
    it(`takes a tail of ${tail} as no limit`, async () => {
      control.logs.know(ECHO);
      await get(`name=echo&tail=${encodeURIComponent(tail)}`);
      expect(control.logs.requests[0]).to.not.have.property('tail');
    });
  }

  for (const query of [
    '',
    'name=',
    'name=echo&tail=x',
    'name=echo&tail=1.5',
    'name=echo&tail=99999999999999999999',
    'name=echo&since=yesterday',
    'name=echo&since=2026-02-30T00:00:00Z',
    'name=echo&since=2026-01-01',
    'name=echo&since=2026-01-01T24:00:00Z',
    'name=echo&follow=yes',
    `name=echo&instance=${'x'.repeat(201)}`,
  ]) {
    it(`answers 422 to ?${query.slice(0, 60)}`, async () => {
      control.logs.know(ECHO);
      const response = await get(query);
      expect(response.status).to.equal(422);
      expect(response.headers.get('x-skep-error')).to.equal('invalid_log_request');
      expect(await response.text()).to.match(/^could not parse the log request: \w+: /);
      expect(control.logs.requests).to.deep.equal([]);
    });
  }

  it('answers 404 for functions that do not exist, also for the beginning of a name', async () => {
    control.logs.know({ name: 'figlet', namespace: 'openfaas-fn' });
    for (const name of ['fig', 'figlet.other', 'Figlet', '../x', 'figlet%00']) {
      expect((await get(`name=${name}`)).status, name).to.equal(404);
    }
  });

  for (const follow of ['1', 't', 'T', 'TRUE', 'true', 'True']) {
    it(`follows with follow=${follow}: the head at once, then lines as they are written`, async () => {
      control.logs.know(ECHO);
      const response = await get(`name=echo&follow=${follow}`);
      expect(response.status).to.equal(200);
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      for (const text of ['one', 'two']) {
        control.logs.write(ECHO, { text });
        const { value } = await reader.read();
        expect(new TextDecoder().decode(value)).to.contain(`"text":"${text}"}\n`);
      }
      await reader.cancel();
      await until('the reader is freed', async () => control.logs.readers() === 0, 5000);
    });
  }

  it('ends what is followed when the gateway stops', async () => {
    control.logs.write(ECHO, { text: 'last' });
    const response = await get('name=echo&follow=true');
    stopping.current.abort();
    expect((await linesOf(response)).map(({ text }) => text)).to.deep.equal(['last']);
  });

  it('breaks the answer off when the log does, so that nobody takes it for whole', async () => {
    control.logs.know(ECHO);
    const response = await get('name=echo&follow=true');
    control.logs.breakOff(ECHO);
    const outcome = await response.text().then(
      () => 'whole',
      () => 'broken',
    );
    expect(outcome).to.equal('broken');
    expect(control.lines.join('\n')).to.contain('the log broke off');
  });

  it('lets so many read and no more', async () => {
    control.logs.know(ECHO);
    const responses = await Promise.all(Array.from({ length: 100 }, () => get('name=echo&follow=true')));
    const refused = await get('name=echo');
    expect(refused.status).to.equal(429);
    expect(refused.headers.get('x-skep-error')).to.equal('too_many_log_readers');
    for (const { body } of responses) await body?.cancel();
    await until('there is room again', async () => (await get('name=echo')).status === 200, 5000);
  });

  it('frees everything after HEAD', async () => {
    control.logs.know(ECHO);
    expect((await control.call('HEAD', '/system/logs?name=echo&follow=1')).status).to.equal(200);
    await until('the reader is freed', async () => control.logs.readers() === 0, 5000);
  });
});
