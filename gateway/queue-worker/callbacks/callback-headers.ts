import { createHmac, type Hmac } from 'node:crypto';
import { VERSION } from '../../../contract/version.ts';
import type { QueuedCallback } from '../../queue/callback.ts';

/** Those of one connection, and those that are made anew. */
const NOT_PASSED = new Set([
  'connection',
  'content-length',
  'date',
  'expect',
  'host',
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
  'x-duration-seconds',
  'x-function-name',
  'x-function-status',
  'x-retry',
  'x-retry-max',
  'x-skep-result-dropped',
  'x-skep-signature',
]);
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
  headers['x-function-name'] = callback.function;
  headers['x-function-status'] = String(callback.status);
  headers['x-retry'] = String(callback.retries);
  headers['x-retry-max'] = String(callback.mostRetries);
  if (isBodyLost) headers['x-skep-result-dropped'] = String(callback.droppedBytes ?? bytesOf(callback));
  return headers;
}

function bytesOf({ body }: QueuedCallback): number {
  return body instanceof Uint8Array ? body.length : body.bytes;
}

function passedHeaders({ headers }: QueuedCallback): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (NOT_PASSED.has(name) || !NAME.test(name) || !VALUE.test(value)) continue;
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
  begin({ id, status }: QueuedCallback, atSeconds: number): Hmac {
    return createHmac('sha256', this.#secret).update(`${atSeconds}.${id}.${status}.`);
  }

  /** @returns `t=<seconds>,v1=<hexadecimal HMAC-SHA256 of "<seconds>.<X-Call-Id>.<X-Function-Status>.<body>">` */
  static finish(hmac: Hmac, atSeconds: number): string {
    return `t=${atSeconds},v1=${hmac.digest('hex')}`;
  }
}
