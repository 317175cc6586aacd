import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import type { AsyncOptions } from '../../../../gateway/data-plane/async/acceptor.ts';
import { FaasError } from '../../../../gateway/errors.ts';
import type { FunctionSnapshot } from '../../../../gateway/functions/provider.ts';
import { MOST_INLINE_BYTES } from '../../../../gateway/queue/call.ts';
import { type DataPlaneUnderTest, startDataPlane } from '../../../support/data-plane-with-upstream.ts';
import { until } from '../../../support/platform.ts';
import { createFakeIntake, type FakeIntake } from './fake-intake.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const BODY_LIMIT = 4 * 1024 * 1024;
const HOUR_MS = 3_600_000;

function snapshot(
  name: string,
  annotations: Record<string, string> = {},
  namespace = 'openfaas-fn',
): FunctionSnapshot {
  return {
    ref: { name, namespace },
    labels: {},
    annotations,
    envVars: {},
    desired: 0,
    replicas: [],
    createdAt: '2026-01-01T00:00:00Z',
  };
}

describe('accepting an asynchronous call', () => {
  let intake: FakeIntake;
  let plane: DataPlaneUnderTest;
  let counted: string[];
  let functions: FunctionSnapshot[];

  const start = async (options: Partial<AsyncOptions> = {}): Promise<void> => {
    plane = await startDataPlane({
      functionPort: 1,
      snapshot: async () => functions,
      async: {
        recorder: {
          accepted: (key) => counted.push(`accepted ${key}`),
          refused: (key, code) => counted.push(`refused ${key} ${code}`),
        },
        bodyLimitBytes: BODY_LIMIT,
        storingLimitBytes: 64 * 1024 * 1024,
        maxDelayMs: 24 * HOUR_MS,
        isRefusedHost: (host) => host === '127.0.0.1',
        ...options,
      },
    });
    plane.dataPlane.takeCalls(intake);
  };
  beforeEach(async () => {
    intake = createFakeIntake();
    counted = [];
    functions = [snapshot('fn'), snapshot('next'), snapshot('far', {}, 'dev')];
    await start();
  });
  afterEach(() => plane.close());

  const send = (
    path: string,
    {
      method = 'POST',
      headers = [],
      body,
    }: { method?: string; headers?: string[]; body?: Uint8Array | string } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: plane.port,
          path,
          method,
          agent: new Agent({ keepAlive: false }),
          headers: [
            'Host',
            'skep.example:8080',
            'Content-Length',
            String(Buffer.byteLength(body ?? '')),
            ...headers,
          ],
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          );
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  const post = (headers: string[] = [], path = '/async-function/fn'): Promise<Answer> =>
    send(path, { headers, body: 'x' });
  const last = () => intake.calls.at(-1)?.call;

  it('answers 202 without a body, with the id that the queue has given it and the time it came', async () => {
    const before = Date.now();
    const { status, headers, body } = await send('/async-function/fn', { body: 'hello' });
    expect({ status, body, id: headers['x-call-id'] }).to.deep.equal({ status: 202, body: '', id: 'id-1' });
    const startedAt = Number(headers['x-start-time']) / 1e6;
    expect(startedAt).to.be.within(before - 5, Date.now() + 5);
    const call = last();
    expect(call?.steps).to.deep.equal([{ function: 'fn.openfaas-fn', queue: 'faas-request' }]);
    expect(Buffer.from(call?.body as Uint8Array).toString()).to.equal('hello');
    expect(call?.acceptedAt).to.be.within(before, Date.now());
    expect(counted).to.deep.equal(['accepted fn.openfaas-fn']);
  });

  it('answers when the queue has the call, and not before', async () => {
    const gate = Promise.withResolvers<void>();
    intake.gate = gate.promise;
    let isAnswered = false;
    const answer = send('/async-function/fn', { body: 'x' }).then((given) => {
      isAnswered = true;
      return given;
    });
    await until('a call that waits', async () => plane.listener.inFlight === 1);
    await send('/async-function/nope');
    expect(isAnswered).to.equal(false);
    gate.resolve();
    expect((await answer).status).to.equal(202);
  });

  it('keeps path, query and headers, without those of one connection and those that are the gateway’s to say', async () => {
    await send('/async-function/far.dev/a//b/%2e?x=1&y=%20', {
      headers: [
        'X-Custom',
        'one',
        'x-custom',
        'two',
        'Authorization',
        'Bearer t',
        'Content-Type',
        'text/css',
        'Connection',
        'close, X-Hop',
        'X-Hop',
        'gone',
        'TE',
        'trailers',
        'X-Start-Time',
        '1',
        'X-Skep-Delay',
        '0',
        'X-Skep-Then',
        '',
        'X-Callback-Url',
        'https://example.com/done',
      ],
      body: 'x',
    });
    const call = last();
    expect(call?.path).to.equal('/a//b/%2e?x=1&y=%20');
    const headers = call?.headers ?? [];
    const names = headers.filter((_, i) => i % 2 === 0);
    expect(names).to.deep.equal([
      'X-Custom',
      'x-custom',
      'Authorization',
      'Content-Type',
      'X-Callback-Url',
      'X-Start-Time',
      'X-Forwarded-Host',
      'X-Forwarded-For',
    ]);
    expect(headers.slice(0, 4)).to.deep.equal(['X-Custom', 'one', 'x-custom', 'two']);
    expect(headers[headers.indexOf('X-Forwarded-Host') + 1]).to.equal('skep.example:8080');
    expect(headers[headers.indexOf('X-Forwarded-For') + 1]).to.match(/^127\.0\.0\.1:\d+$/);
    expect(headers[headers.indexOf('X-Start-Time') + 1]).to.match(/^\d{19}$/);
    expect(call?.callbackUrl).to.equal('https://example.com/done');
    expect(call?.runAt).to.equal(undefined);
  });

  it('takes a client’s own id, and an idempotency key, which is answered the same id again', async () => {
    expect((await post(['X-Call-Id', 'order-7/a'])).headers['x-call-id']).to.equal('order-7/a');
    const first = await post(['Idempotency-Key', 'k 1']);
    const again = await post(['Idempotency-Key', 'k 1']);
    const other = await post(['Idempotency-Key', 'k 1'], '/async-function/next');
    expect([first.status, again.status, other.status]).to.deep.equal([202, 202, 202]);
    expect(again.headers['x-call-id']).to.equal(first.headers['x-call-id']);
    expect([first.headers['idempotent-replayed'], again.headers['idempotent-replayed']]).to.deep.equal([
      undefined,
      'true',
    ]);
    expect(other.headers['x-call-id']).to.not.equal(first.headers['x-call-id']);
    expect(counted.length).to.equal(3);
    expect((await post(['X-Call-Id', ''])).headers['x-call-id']).to.equal('id-4');
    // Of a schedule's tick, which has it to itself.
    const tick = 'cron-bill.openfaas-fn-20261122T011500Z';
    expect((await post(['X-Call-Id', tick])).headers['x-call-id']).to.equal('id-5');
  });

  it('takes a time to run at, or a delay', async () => {
    const before = Date.now();
    await post(['X-Skep-Delay', '1m30s']);
    expect(last()?.runAt).to.be.within(before + 90_000, Date.now() + 90_000);
    const at = Math.floor(Date.now() / 1000) * 1000 + HOUR_MS;
    await post(['X-Skep-Run-At', new Date(at).toISOString()]);
    expect(last()?.runAt).to.equal(at);
    // Just past: a clock that is behind, or a second try.
    await post(['X-Skep-Run-At', new Date(Date.now() - 60_000).toISOString()]);
    expect(last()?.runAt).to.equal(undefined);
  });

  it('runs the functions after one another that the client names, else those of the annotation', async () => {
    functions = [
      snapshot('fn', {
        'com.skep.then': 'next,far.dev',
        'com.openfaas.queue': 'slow',
        'com.openfaas.retry.attempts': '3',
      }),
      snapshot('next', { 'com.skep.then': 'fn' }),
      snapshot('far', { 'com.openfaas.retry.codes': '429' }, 'dev'),
    ];
    plane.close();
    await start();
    const first = { function: 'fn.openfaas-fn', queue: 'slow', retry: { retries: 3 } };
    const next = { function: 'next.openfaas-fn', queue: 'faas-request' };
    const far = { function: 'far.dev', queue: 'faas-request', retry: { codes: [429] } };
    await post();
    expect(last()?.steps).to.deep.equal([first, next, far]);
    await post(['X-Skep-Then', 'far.dev']);
    expect(last()?.steps).to.deep.equal([first, far]);
    await post(['X-Skep-Then', '']);
    expect(last()?.steps).to.deep.equal([first]);
  });

  it('lets retries be the worker’s that cannot be read, and takes no call whose queue or followers cannot', async () => {
    functions = [
      snapshot('retries', {
        'com.openfaas.retry.codes': 'all',
        'com.openfaas.retry.attempts': '3',
        'com.openfaas.queue': 'slow',
      }),
      snapshot('queue', { 'com.openfaas.queue': 'no.queue' }),
      snapshot('then', { 'com.skep.then': 'a b' }),
      snapshot('gone', { 'com.skep.then': 'nobody' }),
    ];
    plane.close();
    await start();
    expect((await post([], '/async-function/retries')).status).to.equal(202);
    expect(last()?.steps).to.deep.equal([
      { function: 'retries.openfaas-fn', queue: 'slow', retry: { retries: 3 } },
    ]);
    const queue = await post([], '/async-function/queue');
    expect(queue.body).to.contain('com.openfaas.queue');
    expect(queue.status).to.equal(400);
    expect((await post([], '/async-function/then')).body).to.contain('com.skep.then');
    const gone = await post([], '/async-function/gone');
    expect(gone.status).to.equal(404);
    expect(gone.body).to.contain(
      'annotation com.skep.then of gone.openfaas-fn: no function nobody is deployed',
    );
  });

  const bad: readonly (readonly [string, string[], string])[] = [
    ['a callback that is no URL', ['X-Callback-Url', 'not a url'], 'X-Callback-Url'],
    ['a callback by another protocol', ['X-Callback-Url', 'file:///etc/passwd'], 'X-Callback-Url'],
    ['a callback without a host', ['X-Callback-Url', 'http:done'], 'X-Callback-Url'],
    ['a callback to an internal address', ['X-Callback-Url', 'http://0x7f.1:80/'], 'callback_allow'],
    ['a callback with a password', ['X-Callback-Url', 'http://me:secret@x/'], 'password'],
    ['an empty callback', ['X-Callback-Url', ''], 'X-Callback-Url'],
    ['a callback that is too long', ['X-Callback-Url', `http://x/${'a'.repeat(5000)}`], 'X-Callback-Url'],
    ['two callbacks', ['X-Callback-Url', 'http://a/', 'X-Callback-Url', 'http://b/'], 'X-Callback-Url'],
    ['a delay of ten years', ['X-Skep-Delay', '87600h'], 'X-Skep-Delay'],
    ['a delay that is none', ['X-Skep-Delay', 'soon'], 'X-Skep-Delay'],
    ['a delay below zero', ['X-Skep-Delay', '-5s'], 'X-Skep-Delay'],
    ['a time without its zone', ['X-Skep-Run-At', '2027-01-31T08:00:00'], 'X-Skep-Run-At'],
    ['a day that there is not', ['X-Skep-Run-At', '2027-02-30T08:00:00Z'], 'X-Skep-Run-At'],
    ['a time that has passed', ['X-Skep-Run-At', '2016-01-31T08:00:00Z'], 'X-Skep-Run-At'],
    ['a time in ten years', ['X-Skep-Run-At', '2036-01-31T08:00:00Z'], 'X-Skep-Run-At'],
    ['a delay and a time', ['X-Skep-Delay', '1s', 'X-Skep-Run-At', '2027-01-31T08:00:00Z'], 'X-Skep-'],
    ['an id and a key', ['X-Call-Id', 'a', 'Idempotency-Key', 'b'], 'Idempotency-Key'],
    ['an id with blanks', ['X-Call-Id', 'a b'], 'X-Call-Id'],
    ['an id that is too long', ['X-Call-Id', 'a'.repeat(129)], 'X-Call-Id'],
    ['an empty key', ['Idempotency-Key', ''], 'Idempotency-Key'],
    ['a key that is too long', ['Idempotency-Key', 'k'.repeat(256)], 'Idempotency-Key'],
    ['followers that are no names', ['X-Skep-Then', 'a,,b'], 'X-Skep-Then'],
    [
      'more followers than may be',
      ['X-Skep-Then', Array.from({ length: 16 }, () => 'next').join()],
      'X-Skep-Then',
    ],
  ];
  for (const [what, headers, named] of bad) {
    it(`refuses ${what} by the header's name, and accepts nothing`, async () => {
      const answer = await post(headers);
      expect(answer.status).to.equal(400);
      expect(answer.headers['x-skep-error']).to.equal('invalid_request');
      expect(answer.body).to.contain(named);
      expect(intake.calls).to.deep.equal([]);
    });
  }

  it('quotes nothing of a callback’s URL but the name of an internal host', async () => {
    const urls = [
      'http://127.0.0.1/path-secret?token=query-secret',
      'ftp://x/path-secret?token=query-secret',
      'http://me:user-secret@x:99999/path-secret',
      'http://me:user-secret@x/',
      'query-secret',
      `http://x/path-secret${'a'.repeat(5000)}`,
    ];
    for (const url of urls) {
      const { status, body } = await post(['X-Callback-Url', url]);
      expect(status, url).to.equal(400);
      expect(body, url).not.to.match(/-secret/);
      expect(body.includes('127.0.0.1'), url).to.equal(url === urls[0]);
    }
  });

  it('remembers by which name the function was called, and the callback’s URL as it was written', async () => {
    const url = 'https://Example.com:443/a/../done';
    for (const name of ['fn', 'fn.openfaas-fn', 'far.dev']) {
      await post(['X-Callback-Url', url], `/async-function/${name}/x`);
      expect(last()).to.deep.include({ calledAs: name, callbackUrl: url });
    }
  });

  it('refuses headers that would take more room than a message has', async () => {
    plane.close();
    plane = await startDataPlane({
      functionPort: 1,
      snapshot: async () => functions,
      limits: { headBytes: 1_048_576 },
      async: {
        recorder: { accepted: () => {}, refused: () => {} },
        bodyLimitBytes: 1,
        storingLimitBytes: 1,
        maxDelayMs: 0,
        isRefusedHost: () => false,
      },
    });
    plane.dataPlane.takeCalls(intake);
    const answer = await post(['X-Long', 'ü'.repeat(5000)]);
    expect(answer.body).to.contain('40960');
    expect(answer.status).to.equal(400);
    expect((await post(['X-Long', 'u'.repeat(39_000)])).status).to.equal(202);
  });

  it('answers whatever stands in the headers that it reads', async () => {
    const names = [
      'X-Callback-Url',
      'X-Call-Id',
      'Idempotency-Key',
      'X-Skep-Delay',
      'X-Skep-Run-At',
      'X-Skep-Then',
    ];
    const pieces = [
      'http://',
      '127.0.0.1',
      '[::1]',
      '@',
      ':',
      '/',
      '%',
      '9',
      '-',
      '1h',
      'T',
      'Z',
      ',',
      '.',
      'fn',
      '\xfc',
      '"',
      '\\',
      ' ',
    ];
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 300; round++) {
      const headers = names.flatMap((name) => {
        if (random(3) > 0) return [];
        const value = Array.from({ length: random(8) }, () => pieces[random(pieces.length)]).join('');
        return [name, value];
      });
      const { status, body } = await post(headers);
      expect(status, JSON.stringify(headers)).to.be.oneOf([202, 400, 404]);
      expect(body === '').to.equal(status === 202);
    }
  });

  it('knows only functions that are deployed', async () => {
    const { status, headers } = await post([], '/async-function/nobody');
    expect([status, headers['x-skep-error']]).to.deep.equal([404, 'function_not_found']);
    expect((await post(['X-Skep-Then', 'next,nobody'])).status).to.equal(404);
    for (const path of ['/async-function/', '/async-function/..', '/async-function/%66n']) {
      expect((await post([], path)).status, path).to.equal(400);
    }
    expect(intake.calls).to.deep.equal([]);
  });

  it('takes POST alone, and says so', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await send('/async-function/fn', { method });
      expect([status, headers.allow], method).to.deep.equal([405, 'POST, DELETE']);
    }
    // It is the control plane's, which is not there.
    expect((await send('/async-function/fn', { method: 'DELETE' })).status).to.equal(503);
    expect((await send('/async-function/a/../b', { method: 'DELETE' })).status).to.equal(400);
  });

  it('answers 503 with the reason and when to come again while the queue takes nothing', async () => {
    intake.failure = new FaasError('queue_full', 'the queue is full', { retryAfterSeconds: 7 });
    const { status, headers, body } = await post();
    expect([status, headers['retry-after'], headers['x-skep-error'], body]).to.deep.equal([
      503,
      '7',
      'queue_full',
      'the queue is full\n',
    ]);
    intake.failure = undefined;
    expect((await post()).status).to.equal(202);
    expect(counted).to.deep.equal(['refused fn.openfaas-fn queue_full', 'accepted fn.openfaas-fn']);
  });

  it('answers 500 for what nobody expected, without its words', async () => {
    intake.failure = new Error('secret');
    const { status, body } = await post();
    expect(status).to.equal(500);
    expect(body).to.not.contain('secret');
    expect(plane.records.at(-1)?.error).to.contain('secret');
  });

  it('answers 404 where there is no queue, and 503 until it can be asked', async () => {
    plane.close();
    plane = await startDataPlane({ functionPort: 1, snapshot: async () => functions });
    const off = await post();
    expect([off.status, off.headers['x-skep-error']]).to.deep.equal([404, 'async_disabled']);
    plane.close();
    plane = await startDataPlane({
      functionPort: 1,
      snapshot: async () => functions,
      async: {
        recorder: { accepted: () => {}, refused: () => {} },
        bodyLimitBytes: 1,
        storingLimitBytes: 1,
        maxDelayMs: 0,
        isRefusedHost: () => false,
      },
    });
    const early = await post();
    expect([early.status, early.headers['x-skep-error']]).to.deep.equal([503, 'queue_unavailable']);
  });

  it('takes bodies up to 512 KiB into the call, and longer ones into the store, byte by byte', async () => {
    const bytes = Buffer.alloc(MOST_INLINE_BYTES + 100_000, 0).map((_, i) => i % 251);
    await send('/async-function/fn', { body: bytes.subarray(0, MOST_INLINE_BYTES) });
    expect(Buffer.compare(last()?.body as Uint8Array, bytes.subarray(0, MOST_INLINE_BYTES))).to.equal(0);
    expect(intake.bodies.size).to.equal(0);
    await send('/async-function/fn', { body: bytes });
    expect(last()?.body).to.deep.equal({ name: 'body-1', bytes: bytes.length });
    expect(Buffer.compare(intake.bodies.get('body-1') ?? Buffer.of(), bytes)).to.equal(0);
  });

  it('takes chunked bodies the same, and an empty one', async () => {
    for (const size of [0, 10, MOST_INLINE_BYTES + 1]) {
      const answer = await fetch(`http://127.0.0.1:${plane.port}/async-function/fn`, {
        method: 'POST',
        body: new ReadableStream({
          start: (controller) => {
            if (size > 0) controller.enqueue(new Uint8Array(size));
            controller.close();
          },
        }),
      });
      expect(answer.status).to.equal(202);
      const body = last()?.body;
      expect(body instanceof Uint8Array ? body.length : body?.bytes).to.equal(size);
      expect(last()?.headers.map((text) => text.toLowerCase())).to.not.include('transfer-encoding');
    }
  });

  it('refuses a body over the limit unread where its length is told', async () => {
    const answer = await send('/async-function/fn', {
      headers: ['Expect', '100-continue'],
      body: Buffer.alloc(BODY_LIMIT + 1),
    }).catch((error: Error) => error);
    // The connection ends when it was refused: whoever sends on may see that first.
    if (!(answer instanceof Error)) expect(answer.status).to.equal(413);
    await until('a refusal', async () => counted.length > 0);
    expect(counted).to.deep.equal(['refused fn.openfaas-fn body_too_large']);
    expect(intake.bodies.size).to.equal(0);
  });

  it('drops the body of a call that is not accepted, or was before; not where it may have been stored', async () => {
    const body = new Uint8Array(MOST_INLINE_BYTES + 1);
    intake.failure = new FaasError('queue_full', 'full');
    await send('/async-function/fn', { body });
    expect(intake.bodies.size).to.equal(0);
    intake.failure = new FaasError('queue_unavailable', 'nobody knows');
    await send('/async-function/fn', { body });
    expect(intake.bodies.size).to.equal(1);
    intake.failure = undefined;
    await send('/async-function/fn', { body, headers: ['Idempotency-Key', 'k'] });
    const kept = intake.bodies.size;
    expect(
      (await send('/async-function/fn', { body, headers: ['Idempotency-Key', 'k'] })).headers[
        'idempotent-replayed'
      ],
    ).to.equal('true');
    await until('the second body is gone', async () => intake.bodies.size === kept);
  });

  for (const [what, length] of [
    ['a short body', 1000],
    ['a long body', MOST_INLINE_BYTES * 3],
  ] as const) {
    it(`leaves nothing of a client that leaves in the middle of ${what}`, async () => {
      const socket = connect(plane.port, '127.0.0.1');
      socket.write(`POST /async-function/fn HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
      socket.write(Buffer.alloc(length - 100));
      await until('the call', async () => plane.listener.inFlight === 1);
      socket.destroy();
      await until('the end of the call', async () => plane.listener.inFlight === 0);
      await until('a record', async () => plane.records.length === 1);
      expect(plane.records[0]?.status).to.equal(499);
      expect(intake.calls).to.deep.equal([]);
      expect(intake.bodies.size).to.equal(0);
      expect(counted).to.deep.equal([]);
    });
  }

  it('stores 16 long bodies at a time, and the others when it is their turn', async () => {
    const gate = Promise.withResolvers<void>();
    let storing = 0;
    let most = 0;
    const { storeBody } = intake;
    intake.storeBody = async (body, limit) => {
      most = Math.max(most, ++storing);
      await gate.promise;
      try {
        return await storeBody(body, limit);
      } finally {
        storing--;
      }
    };
    const body = new Uint8Array(MOST_INLINE_BYTES + 1);
    const answers = Array.from({ length: 20 }, () => send('/async-function/fn', { body }));
    await until('all have come', async () => plane.listener.inFlight === 20 && storing === 16);
    gate.resolve();
    expect((await Promise.all(answers)).every(({ status }) => status === 202)).to.equal(true);
    expect([most, intake.bodies.size]).to.deep.equal([16, 20]);
  });

  it('lets nobody hold the turns of all long bodies by sending slowly', async () => {
    plane.close();
    await start({ patienceMs: 200 });
    const sockets = Array.from({ length: 16 }, () => connect(plane.port, '127.0.0.1').on('error', () => {}));
    try {
      for (const socket of sockets) {
        socket.write('POST /async-function/fn HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n');
        socket.write(Buffer.alloc(MOST_INLINE_BYTES + 1));
      }
      await until('all have come', async () => plane.listener.inFlight === 16);
      // It is alone with them, and they are slow: as soon as they have been for long, it has its turn.
      expect((await send('/async-function/fn', { body: new Uint8Array(1_000_000) })).status).to.equal(202);
      expect(counted).to.include('refused fn.openfaas-fn queue_unavailable');
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it('holds no more bodies that the queue does not have yet than it may', async () => {
    plane.close();
    await start({ storingLimitBytes: 3000 });
    const gate = Promise.withResolvers<void>();
    intake.gate = gate.promise;
    const body = new Uint8Array(1000);
    const taken = Array.from({ length: 3 }, () => send('/async-function/fn', { body }));
    await until('three that wait', async () => plane.listener.inFlight === 3);
    // Each has its whole body by the time that a later one is answered.
    await send('/async-function/nobody');
    const more = await send('/async-function/fn', { body });
    expect([more.status, more.headers['x-skep-error']]).to.deep.equal([503, 'queue_unavailable']);
    gate.resolve();
    expect((await Promise.all(taken)).map(({ status }) => status)).to.deep.equal([202, 202, 202]);
    expect((await send('/async-function/fn', { body })).status).to.equal(202);
  });
});
