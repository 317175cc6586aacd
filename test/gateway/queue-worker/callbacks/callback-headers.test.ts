import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { QueuedCallback } from '../../../../gateway/queue/callback.ts';
import {
  asCallHeaders,
  CallbackSigner,
  callbackHeaders,
} from '../../../../gateway/queue-worker/callbacks/callback-headers.ts';

const URL_ASKED = 'https://shop.example/done?order=7';
const BODY = Buffer.from('1.2\nanswer');

type Headers = Record<string, string | string[]>;

function callback(changes: Partial<QueuedCallback> = {}): QueuedCallback {
  return {
    id: 'order.7',
    instance: '0123456789abcdef',
    queue: 'faas-request',
    url: URL_ASKED,
    function: 'pay.openfaas-fn',
    calledAs: 'pay',
    status: 200,
    headers: [],
    body: BODY,
    seconds: 1,
    retries: 0,
    mostRetries: 3,
    endedAt: 0,
    attempt: 1,
    ...changes,
  };
}

function headersOf(one: QueuedCallback): Headers {
  return callbackHeaders(one, { bodyBytes: BODY.length, isBodyLost: false });
}

describe('headers of a callback', () => {
  it('name the function as it was called, and those of calls that did not keep that in full', () => {
    expect(headersOf(callback())['x-function-name']).to.equal('pay');
    expect(headersOf(callback({ calledAs: undefined }))['x-function-name']).to.equal('pay.openfaas-fn');
  });

  it('have none of the function’s own that would be wishes of a call', () => {
    const wishes = [
      'Idempotency-Key',
      'X-CALLBACK-URL',
      'X-Skep-Then',
      'x-skep-run-at',
      'X-Skep-Callback-Of',
    ];
    const headers = [...wishes, 'X-Call-Id', 'X-Mine', 'Content-Type'].flatMap((name) => [name, 'theirs']);
    const one = callback({ headers });
    const theirs = (all: Headers): string[] => Object.keys(all).filter((name) => all[name] === 'theirs');
    expect(theirs(headersOf(one))).to.deep.equal(['x-mine', 'content-type']);
    expect(theirs(asCallHeaders(headersOf(one), one))).to.deep.equal(['x-mine', 'content-type']);
    expect(headersOf(one)).not.to.have.any.keys('idempotency-key', 'x-skep-callback-of');
  });

  it('ask for one call of its own where a function is called asynchronously', () => {
    const own = asCallHeaders(headersOf(callback()), callback());
    expect(own).to.deep.include({
      'idempotency-key': 'callback-0123456789abcdef',
      'x-skep-callback-of': 'order.7',
      'x-function-name': 'pay',
    });
    expect(own).not.to.have.property('x-call-id');
    const redriven = callback({ instance: 'fedcba9876543210' });
    expect(asCallHeaders(headersOf(redriven), redriven)['idempotency-key']).not.to.equal(
      own['idempotency-key'],
    );
  });
});

type Verify = (
  headers: Headers,
  body: Uint8Array,
  mine: { secret: string; function: string; url: string },
) => string | undefined;

describe('the signature of a callback', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-signature-'));
  /** Known when the tests of this page begin: others may have taken long. */
  let now = 0;
  const mine = { secret: 's', function: 'pay', url: URL_ASKED };
  let verify: Verify;

  before(async () => {
    now = Math.floor(Date.now() / 1000);
    const docs = readFileSync(new URL('../../../../docs/queue-worker.md', import.meta.url), 'utf8');
    const [, sample] = /```ts\n([\s\S]*?)```/.exec(docs) ?? expect.fail('no sample');
    const file = join(folder, 'receiver.ts');
    writeFileSync(file, sample ?? '');
    ({ callIdOfCallback: verify } = (await import(file)) as { callIdOfCallback: Verify });
  });
  after(() => rmSync(folder, { recursive: true }));

  const signed = (changes: Partial<QueuedCallback> = {}, at = now): Headers => {
    const one = callback(changes);
    const hmac = new CallbackSigner('s').begin(one, at).update(BODY);
    return { ...headersOf(one), 'x-skep-signature': CallbackSigner.finish(hmac, at) };
  };

  it('is known by the receiver of the documentation, who is told which call it is', () => {
    expect(verify(signed(), BODY, mine)).to.equal('order.7');
    expect(verify(asCallHeaders(signed(), callback()), BODY, mine)).to.equal('order.7');
    expect(verify(signed({ calledAs: undefined }), BODY, { ...mine, function: 'pay.openfaas-fn' })).to.equal(
      'order.7',
    );
  });

  it('is not known with another secret, body or status', () => {
    expect(verify(signed(), BODY, { ...mine, secret: 't' })).to.equal(undefined);
    expect(verify(signed(), Buffer.from('another'), mine)).to.equal(undefined);
    expect(verify({ ...signed(), 'x-function-status': '500' }, BODY, mine)).to.equal(undefined);
    expect(verify({ ...signed(), 'x-call-id': 'order.8' }, BODY, mine)).to.equal(undefined);
    expect(verify({}, BODY, mine)).to.equal(undefined);
  });

  it('is not known for another function, nor by another receiver, whatever the headers say', () => {
    const other = signed({ calledAs: 'cheap' });
    expect(verify(other, BODY, mine)).to.equal(undefined);
    expect(verify({ ...other, 'x-function-name': 'pay' }, BODY, mine)).to.equal(undefined);
    expect(verify(signed({ url: 'https://shop.example/other' }), BODY, mine)).to.equal(undefined);
  });

  it('is not known when it is old, or not yet made', () => {
    expect(verify(signed({}, now - 900), BODY, mine)).to.equal(undefined);
    expect(verify(signed({}, now + 900), BODY, mine)).to.equal(undefined);
  });

  it('does not let one part be taken for the next one', () => {
    const digest = (changes: Partial<QueuedCallback>, body: string): string =>
      new CallbackSigner('s').begin(callback(changes), now).update(body).digest('hex');
    expect(digest({ id: 'a', calledAs: 'b.c' }, '')).not.to.equal(digest({ id: 'a.b', calledAs: 'c' }, ''));
    expect(digest({ status: 20 }, '0.x')).not.to.equal(digest({ status: 200 }, '.x'));
    expect(digest({ id: 'a.200', status: 200 }, 'x')).not.to.equal(digest({ id: 'a', status: 200 }, '200.x'));
  });
});
