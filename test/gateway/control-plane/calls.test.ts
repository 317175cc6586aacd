import { request } from 'node:http';
import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import type { CallRecord } from '../../../gateway/queue/call.ts';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';
import { createFakeCalls, type FakeCalls, fakeLetter, fakeRecord } from '../../support/fake-calls.ts';
import { OpenApiJudge } from '../../support/openapi-answers.ts';

const judge = new OpenApiJudge();

describe('asynchronous calls in the API', () => {
  let control: RunningControlPlane;
  let calls: FakeCalls;
  let stopping: AbortController;

  beforeEach(async () => {
    calls = createFakeCalls();
    stopping = new AbortController();
    control = await startControlPlane({ calls, stopping: stopping.signal });
  });
  afterEach(() => control.close());

  const put = (changes: Partial<CallRecord>, body?: ReadableStream<Uint8Array> | Uint8Array): void => {
    const record = fakeRecord(changes);
    calls.records.set(record.id, record);
    if (body !== undefined) calls.bodies.set(record.id, body);
  };
  /** One request, whose answer must be as the OpenAPI document says. */
  const ask = async (status: number, method: string, path: string): Promise<string> => {
    const response = await control.call(method, path);
    expect(response.status, `${method} ${path}`).to.equal(status);
    return judge.check(method, path, response);
  };
  const askJson = async (path: string): Promise<unknown> => JSON.parse(await ask(200, 'GET', path));
  const codeOf = async (method: string, path: string): Promise<string | null> =>
    (await control.call(method, path)).headers.get('x-skep-error');

  const STEPS = [
    { function: 'echo.openfaas-fn', queue: 'faas-request' },
    { function: 'next.dev', queue: 'slow' },
  ];

  it('tells of one call: little of one that waits', async () => {
    put({ id: 'a' });
    expect(await askJson('/system/calls/a')).to.deep.equal({
      id: 'a',
      status: 'queued',
      function: 'echo.openfaas-fn',
      queue: 'faas-request',
      acceptedAt: '2026-01-31T12:00:00.000Z',
      attempt: 0,
      attempts: [],
    });
  });

  it('and all there is of one that has been through a lot', async () => {
    const startedAt = Date.parse('2026-01-31T12:00:01Z');
    put({
      id: 'a',
      state: 'succeeded',
      steps: STEPS,
      step: 1,
      attempt: 2,
      startedAt,
      endedAt: startedAt + 9000,
      callbackUrl: 'https://example.com/done',
      attempts: [
        { step: 0, attempt: 1, startedAt, seconds: 0.5, status: 200 },
        { step: 1, attempt: 1, startedAt, seconds: 1.5, error: 'no answer came' },
        { step: 1, attempt: 2, startedAt, seconds: 2.5, status: 200 },
      ],
      result: {
        status: 200,
        headers: ['content-type', 'image/png'],
        bytes: 5,
        kept: { name: 'x', bytes: 5 },
      },
    });
    calls.callbacks.set('a', {
      id: 'a',
      instance: '0123456789abcdef',
      state: 'waiting',
      attempts: [{ startedAt, seconds: 1, status: 502 }],
      runAt: startedAt + 20_000,
    });
    expect(await askJson('/system/calls/a')).to.deep.equal({
      id: 'a',
      status: 'succeeded',
      function: 'next.dev',
      queue: 'slow',
      chain: ['echo.openfaas-fn', 'next.dev'],
      acceptedAt: '2026-01-31T12:00:00.000Z',
      attempt: 2,
      endedAt: '2026-01-31T12:00:10.000Z',
      attempts: [
        {
          function: 'echo.openfaas-fn',
          attempt: 1,
          startedAt: '2026-01-31T12:00:01.000Z',
          seconds: 0.5,
          status: 200,
        },
        {
          function: 'next.dev',
          attempt: 1,
          startedAt: '2026-01-31T12:00:01.000Z',
          seconds: 1.5,
          error: 'no answer came',
        },
        {
          function: 'next.dev',
          attempt: 2,
          startedAt: '2026-01-31T12:00:01.000Z',
          seconds: 2.5,
          status: 200,
        },
      ],
      answer: { status: 200, contentType: 'image/png', bytes: 5, isKept: true },
      callback: {
        url: 'https://example.com/done',
        state: 'waiting',
        attempts: [{ startedAt: '2026-01-31T12:00:01.000Z', seconds: 1, status: 502 }],
        nextAt: '2026-01-31T12:00:21.000Z',
      },
    });
  });

  it('tells when a call began, and when it goes on', async () => {
    put({ id: 'runs', state: 'running', attempt: 1, startedAt: Date.parse('2026-01-31T12:00:01Z') });
    put({ id: 'waits', runAt: Date.parse('2026-02-01T00:00:00Z') });
    expect(await askJson('/system/calls/runs')).to.include({ startedAt: '2026-01-31T12:00:01.000Z' });
    expect(await askJson('/system/calls/waits')).to.include({ nextAt: '2026-02-01T00:00:00.000Z' });
  });

  it('tells nothing of the callback of an earlier call that had the same id', async () => {
    put({ id: 'a', callbackUrl: 'https://example.com/' });
    calls.callbacks.set('a', { id: 'a', instance: 'ffffffffffffffff', state: 'delivered', attempts: [] });
    expect(await askJson('/system/calls/a')).to.deep.include({ callback: { url: 'https://example.com/' } });
  });

  it('finds ids whatever is in them', async () => {
    for (const id of ['a/b', '%', 'a b', '..', '?', '#', "'"]) {
      put({ id });
      const response = await control.call('GET', `/system/calls/${encodeURIComponent(id)}`);
      if (id === '..') continue; // no client sends that as it is
      expect(response.status, id).to.equal(200);
    }
  });

  it('refuses what there is not, and what cannot be read', async () => {
    put({ id: 'a' });
    await ask(404, 'GET', '/system/calls/none');
    await ask(404, 'GET', '/system/calls/none/result');
    await ask(400, 'GET', '/system/calls/a?wait=soon');
    await ask(400, 'GET', '/system/calls/a?wait=-1');
    await ask(400, 'GET', '/system/calls/a/result?wait=x');
    expect(await codeOf('GET', '/system/calls/none')).to.equal('call_not_found');
    expect(await (await control.call('GET', '/system/calls/%1b%5b31m')).text()).to.contain(
      'there is no call ?[31m',
    );
  });

  describe('waiting for an end', () => {
    it('is answered when it comes', async () => {
      put({ id: 'a', state: 'running', attempt: 1 });
      const waited = askJson('/system/calls/a?wait=30s');
      while (calls.asked.length === 0) await Bun.sleep(1);
      expect(calls.asked).to.deep.equal(['wait 30000']);
      put({ id: 'a', state: 'failed', attempt: 1, reason: 'it was answered 400', endedAt: Date.now() });
      calls.end('a');
      expect(await waited).to.deep.include({ status: 'failed', reason: 'it was answered 400' });
    });

    it('lasts five minutes at most', async () => {
      put({ id: 'a', state: 'running', attempt: 1 });
      const waited = ask(409, 'GET', '/system/calls/a/result?wait=24h');
      while (calls.asked.length === 0) await Bun.sleep(1);
      expect(calls.asked).to.deep.equal(['wait 300000']);
      calls.end('a');
      expect(await waited).to.contain('the call a is running');
    });

    it('ends when the gateway stops: whoever waits is told how it is', async () => {
      put({ id: 'a', state: 'running', attempt: 1 });
      const waited = askJson('/system/calls/a?wait=5m');
      while (calls.asked.length === 0) await Bun.sleep(1);
      stopping.abort();
      expect(await waited).to.deep.include({ status: 'running' });
    });
  });

  describe('results', () => {
    /** Status, headers as they came, and body: `fetch` would join headers. */
    const raw = (id: string, method = 'GET'): Promise<{ status: number; headers: string[]; body: string }> =>
      new Promise((resolve, reject) => {
        const sent = request(
          `${control.url}/system/calls/${id}/result`,
          { method, headers: { authorization: `Basic ${btoa('x')}` } },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.once('error', reject);
            response.once('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.rawHeaders,
                body: Buffer.concat(chunks).toString(),
              }),
            );
          },
        );
        sent.once('error', reject);
        sent.end();
      });
    const valuesOf = (headers: readonly string[], name: string): string[] =>
      headers.flatMap((value, i) => (i % 2 === 1 && headers[i - 1]?.toLowerCase() === name ? [value] : []));

    beforeEach(async () => {
      await control.close();
      control = await startControlPlane({ calls, credentials: 'open' });
    });

    const ended = (status: number, headers: string[], body: string): void =>
      put(
        {
          id: 'a',
          state: status < 400 ? 'succeeded' : 'dead',
          attempt: 1,
          result: { status, headers, bytes: Buffer.byteLength(body), kept: 'message' },
        },
        Buffer.from(body),
      );

    it('are the answer as it was: status, headers and body', async () => {
      ended(
        201,
        [
          'Content-Type',
          'text/x',
          'Set-Cookie',
          'a=1',
          'X-Call-Id',
          'a',
          'set-cookie',
          'b=2',
          'Date',
          'then',
        ],
        'made',
      );
      const { status, headers, body } = await raw('a');
      expect(status).to.equal(201);
      expect(body).to.equal('made');
      expect(valuesOf(headers, 'set-cookie')).to.deep.equal(['a=1', 'b=2']);
      expect(valuesOf(headers, 'content-type')).to.deep.equal(['text/x']);
      expect(valuesOf(headers, 'x-call-id')).to.deep.equal(['a']);
      expect(valuesOf(headers, 'date')).to.deep.equal(['then']);
      expect(valuesOf(headers, 'content-length')).to.deep.equal(['4']);
      expect(valuesOf(headers, 'x-skep-call-status')).to.deep.equal(['succeeded']);
    });

    it('whatever the status: of a dead call, one that nobody knows, none with a body', async () => {
      for (const status of [200, 204, 299, 304, 401, 404, 418, 500, 599]) {
        ended(status, [], status === 204 || status === 304 ? '' : 'text');
        const answer = await raw('a');
        expect(answer.status).to.equal(status);
        expect(valuesOf(answer.headers, 'x-skep-call-status')).to.have.length(1);
        expect(answer.body).to.equal(status === 204 || status === 304 ? '' : 'text');
      }
    });

    it('without the headers of the connection that it came over', async () => {
      ended(
        200,
        ['Connection', 'close', 'Transfer-Encoding', 'chunked', 'Content-Length', '99', 'A', 'b'],
        'x',
      );
      const { headers, body } = await raw('a');
      expect(body).to.equal('x');
      expect(valuesOf(headers, 'transfer-encoding')).to.deep.equal([]);
      expect(valuesOf(headers, 'content-length')).to.deep.equal(['1']);
      expect(valuesOf(headers, 'a')).to.deep.equal(['b']);
    });

    it('with bytes beyond ASCII in a header', async () => {
      ended(200, ['X-Name', 'f\u00fcr'], 'x');
      expect(valuesOf((await raw('a')).headers, 'x-name')).to.deep.equal(['f\u00fcr']);
    });

    it('for HEAD without the body', async () => {
      ended(200, [], 'text');
      const { headers, body } = await raw('a', 'HEAD');
      expect(valuesOf(headers, 'content-length')).to.deep.equal(['4']);
      expect(body).to.equal('');
    });

    it('that are long come in pieces, and are broken off where they break off', async () => {
      const piece = new Uint8Array(512 * 1024).fill(65);
      let pieces = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (pieces++ === 4) controller.close();
          else controller.enqueue(piece);
        },
      });
      const result = { status: 200, headers: [], bytes: 4 * piece.length, kept: { name: 'x', bytes: 1 } };
      put({ id: 'a', state: 'succeeded', result }, body);
      expect((await raw('a')).body).to.have.length(4 * piece.length);
      const broken = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (pieces++ < 7) controller.enqueue(piece);
          else controller.error(new Error('gone'));
        },
      });
      put({ id: 'a', state: 'succeeded', result }, broken);
      const error = await raw('a').catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Error);
    });

    it('are refused while there is none', async () => {
      put({ id: 'waits' });
      put({ id: 'dropped', state: 'succeeded' });
      put({ id: 'cancelled', state: 'cancelled', reason: 'it was cancelled' });
      expect(await ask(409, 'GET', '/system/calls/waits/result')).to.contain('is queued');
      expect(await ask(404, 'GET', '/system/calls/dropped/result')).to.contain('there is no answer');
      expect(await ask(404, 'GET', '/system/calls/cancelled/result')).to.contain('it was cancelled');
      expect(await codeOf('GET', '/system/calls/dropped/result')).to.equal('result_not_found');
    });

    it('that were too long to be kept are told of: status, length and why', async () => {
      const headers = ['Content-Type', 'image/png'];
      const result = { status: 201, headers, bytes: 70_000_000, kept: 'dropped' } as const;
      put({ id: 'long', state: 'succeeded', attempt: 1, result });
      const told = await ask(404, 'GET', '/system/calls/long/result');
      for (const part of ['answered 201', '70000000 bytes', 'result_limit_bytes'])
        expect(told).to.contain(part);
      expect(await askJson('/system/calls/long')).to.deep.include({
        answer: { status: 201, contentType: 'image/png', bytes: 70_000_000, isKept: false },
      });
    });
  });

  describe('lists', () => {
    it('go on with a cursor', async () => {
      for (let i = 0; i < 5; i++) put({ id: `call-${i}` });
      const first = (await askJson('/system/calls?limit=3')) as { calls: unknown[]; cursor: string };
      expect(first.calls).to.have.length(3);
      const second = (await askJson(`/system/calls?limit=3&cursor=${first.cursor}`)) as { calls: unknown[] };
      expect(second.calls).to.have.length(2);
      expect(second).not.to.have.property('cursor');
    });

    it('by function and status', async () => {
      put({ id: 'a', steps: STEPS });
      put({ id: 'b', state: 'dead', steps: STEPS, step: 1 });
      await ask(200, 'GET', '/system/calls?function=echo');
      await ask(200, 'GET', '/system/calls?function=next&namespace=dev&status=dead');
      await ask(200, 'GET', '/system/calls');
      expect(calls.asked).to.deep.equal([
        'list {"name":"echo.openfaas-fn","limit":50}',
        'list {"name":"next.dev","state":"dead","limit":50}',
        'list {"limit":50}',
      ]);
    });

    for (const query of [
      'status=done',
      'limit=0',
      'limit=1001',
      'limit=x',
      'limit=-1',
      'namespace=dev',
      'function=a.b&namespace=c',
      'function=',
    ]) {
      it(`refuse ${query}`, async () => {
        await ask(400, 'GET', `/system/calls?${query}`);
        expect(calls.asked).to.deep.equal([]);
      });
    }

    it('refuse what no function can be called', async () => {
      await ask(404, 'GET', '/system/calls?function=A%20B');
      await ask(404, 'DELETE', '/system/dead-letters?function=*');
      await ask(400, 'DELETE', '/system/dead-letters?function=');
      await ask(400, 'POST', '/system/dead-letters/redrive?function=');
    });
  });

  it('cancels to whoever knows the id, as OpenFaaS does', async () => {
    const id = (digit: number): string => `9817b013-1724-81fa-8092-00000000000${digit}`;
    const [a, over, none] = [id(0), id(1), id(2)] as const;
    put({ id: a });
    put({ id: over, state: 'succeeded' });
    const cancel = (id: string): Promise<Response> =>
      fetch(`${control.url}/async-function/${id}`, { method: 'DELETE' });
    for (const [id, status] of [
      [a, 202],
      [a, 202],
      [over, 409],
      [none, 404],
    ] as const) {
      const response = await cancel(id);
      expect(response.status, id).to.equal(status);
      await judge.check('DELETE', '/async-function/x', response);
    }
    expect(calls.records.get(a)?.state).to.equal('cancelled');
  });

  describe('dead letters', () => {
    beforeEach(() => {
      calls.letters = [fakeLetter('a'), fakeLetter('b'), fakeLetter('c', 'other.dev')];
    });

    it('are listed and read', async () => {
      const list = (await askJson('/system/dead-letters?limit=2')) as { deadLetters: { id: string }[] };
      expect(list.deadLetters.map(({ id }) => id)).to.deep.equal(['a', 'b']);
      expect(list).to.have.property('cursor');
      await ask(200, 'GET', '/system/dead-letters?function=other&namespace=dev');
      expect(await askJson('/system/dead-letters/c')).to.deep.equal({
        id: 'c',
        function: 'other.dev',
        queue: 'faas-request',
        acceptedAt: '2026-01-31T12:00:00.000Z',
        diedAt: '2023-11-14T22:13:21.000Z',
        reason: 'attempt 1 of 1 was answered 500',
        attempts: [
          {
            function: 'other.dev',
            attempt: 1,
            startedAt: '2023-11-14T22:13:20.000Z',
            seconds: 0.25,
            status: 500,
          },
        ],
        path: '/x?y=1',
        answer: { status: 500, contentType: 'text/plain', bytes: 4, isKept: true },
        answerStart: 'oh no',
      });
      await ask(404, 'GET', '/system/dead-letters/none');
    });

    it('are sent again: one, those of a function at a rate, all', async () => {
      const redrive = async (path: string): Promise<unknown> =>
        JSON.parse(await ask(202, 'POST', `/system/dead-letters/${path}`));
      expect(await redrive('a/redrive')).to.deep.equal({ redriven: 1 });
      expect(await redrive('redrive?function=other.dev&rate=10')).to.deep.equal({ redriven: 1 });
      expect(await redrive('redrive')).to.deep.equal({ redriven: 1 });
      expect(calls.asked).to.deep.equal([
        'redrive {"id":"a"} 0',
        'redrive {"function":"other.dev"} 10',
        'redrive {} 0',
      ]);
      await ask(404, 'POST', '/system/dead-letters/a/redrive');
      await ask(400, 'POST', '/system/dead-letters/redrive?rate=-1');
      await ask(400, 'POST', '/system/dead-letters/redrive?rate=0.5');
    });

    it('are thrown away: one, those of a function, all', async () => {
      const purge = async (path: string): Promise<unknown> =>
        JSON.parse(await ask(200, 'DELETE', `/system/dead-letters${path}`));
      expect(await purge('/a')).to.deep.equal({ purged: 1 });
      expect(await purge('?function=other.dev')).to.deep.equal({ purged: 1 });
      expect(await purge('')).to.deep.equal({ purged: 1 });
      await ask(404, 'DELETE', '/system/dead-letters/a');
    });
  });

  it('say when to ask again while NATS is away', async () => {
    calls.list = async () => {
      throw new FaasError('queue_unavailable', 'the queue cannot be used now', { retryAfterSeconds: 1 });
    };
    const response = await control.call('GET', '/system/calls');
    expect(response.status).to.equal(503);
    expect(response.headers.get('retry-after')).to.equal('1');
    await judge.check('GET', '/system/calls', response);
  });

  it('are refused where no NATS is configured', async () => {
    await control.close();
    control = await startControlPlane();
    for (const [method, path] of [
      ['GET', '/system/calls'],
      ['GET', '/system/calls/a'],
      ['GET', '/system/calls/a/result'],
      ['DELETE', '/async-function/a'],
      ['GET', '/system/dead-letters'],
      ['DELETE', '/system/dead-letters'],
      ['POST', '/system/dead-letters/redrive'],
    ] as const) {
      const response = await control.call(method, path);
      expect(response.headers.get('x-skep-error'), path).to.equal('async_disabled');
      expect(await response.text()).to.contain('faas_nats_address');
    }
  });
});
