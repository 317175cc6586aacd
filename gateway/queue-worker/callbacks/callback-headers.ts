import { createHmac, type Hmac } from 'node:crypto';
import { VERSION } from '../../../contract/version.ts';
import type { QueuedCallback } from '../../queue/callback.ts';

/** Those of one connection, those that are made anew, and wishes of a call: it is not the function that is to have any. */
const NOT_PASSED = new Set([
  'connection',
  'content-length',
  'date',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-call-id',
  'x-callback-url',
  'x-duration-seconds',
  'x-function-name',
  'x-function-status',
  'x-retry',
  'x-retry-max',
]);
const OURS = 'x-skep-';
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t -~\u0080-\u00ff]*$/;

/**
 * What is posted beside the result.
 * @returns as `node:http` wants it, e.g. `{ 'X-Function-Status': '200', 'Set-Cookie': ['a=1', 'b=2'] }`
 */
export function callbackHeaders(
  callback: QueuedCallback,
  { bodyBytes, isBodyLost }: { readonly bodyBytes: number; readonly isBodyLost: boolean },
): Record<string, string | string[]> {
  const headers = passedHeaders(callback);
  // Not where it was asked for and is not there: it would promise what does not follow.
  if (isBodyLost) delete headers['content-encoding'];
  headers['content-length'] = String(bodyBytes);
  headers['user-agent'] = `queue-worker/${VERSION.release}`;
  headers['x-call-id'] = callback.id;
  headers['x-duration-seconds'] = callback.seconds.toFixed(6);
  headers['x-function-name'] = nameOf(callback);
  headers['x-function-status'] = String(callback.status);
  headers['x-retry'] = String(callback.retries);
  headers['x-retry-max'] = String(callback.mostRetries);
  if (isBodyLost) headers['x-skep-result-dropped'] = String(callback.droppedBytes ?? bytesOf(callback));
  return headers;
}

/**
 * The same for a function of this platform that is called asynchronously: a call of its own rather than another one of the id that is
 * told of, and one call however often it is posted.
 */
export function asCallHeaders(
  headers: Readonly<Record<string, string | string[]>>,
  { id, instance }: QueuedCallback,
): Record<string, string | string[]> {
  const { 'x-call-id': _original, ...others } = headers;
  return { ...others, 'idempotency-key': `callback-${instance}`, 'x-skep-callback-of': id };
}

function nameOf({ calledAs, function: key }: QueuedCallback): string {
  return calledAs ?? key;
}

function bytesOf({ body }: QueuedCallback): number {
  return body instanceof Uint8Array ? body.length : body.bytes;
}

function passedHeaders({ headers }: QueuedCallback): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (NOT_PASSED.has(name) || name.startsWith(OURS) || !NAME.test(name) || !VALUE.test(value)) continue;
    const before = passed[name];
    passed[name] = before === undefined ? value : [before, value].flat();
  }
  return passed;
}

/** Signs what is posted, so that who receives it knows whom it is from, and when. */
export class CallbackSigner {
  readonly #secret: string | Buffer;

  constructor(secret: string | Buffer) {
    this.#secret = secret;
  }

  /** Its `update` is to be given the body. @param atSeconds since 1970 */
  begin(callback: QueuedCallback, atSeconds: number): Hmac {
    const { id, url, status } = callback;
    // None of them can hold a line feed.
    const signed = `${atSeconds}\n${id}\n${nameOf(callback)}\n${url}\n${status}\n`;
    return createHmac('sha256', this.#secret).update(signed);
  }

  /** @returns `t=<seconds>,v1=<hexadecimal HMAC-SHA256>` of seconds, call id, function, URL and status, each with a line feed, and the body */
  static finish(hmac: Hmac, atSeconds: number): string {
    return `t=${atSeconds},v1=${hmac.digest('hex')}`;
  }
}
