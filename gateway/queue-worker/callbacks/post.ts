import { type LookupAddress, type LookupOptions, lookup as lookupName } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { CallbackAddresses } from '../../queue/callback-address.ts';
import type { PostOutcome } from '../../queue/settle-callback.ts';

export interface PostOptions {
  readonly addresses: CallbackAddresses;
  /** Functions behind it may be called, wherever it is. */
  readonly gateway: { readonly hostname: string; readonly port: number };
  /** Until the answer's head, beside what a long body needs to be sent. */
  readonly timeoutMs: number;
  /** The same, for a function behind the gateway. */
  readonly functionTimeoutMs: number;
  /** All addresses of a name. Default: the system's. */
  readonly resolve?: Resolve;
}

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** In their place for `/async-function/…` behind the gateway, be it by a redirect. */
  readonly callHeaders: Readonly<Record<string, string | string[]>>;
  readonly bodyBytes: number;
  /** The body from its beginning, each time. */
  readonly openBody: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const ASYNC = /^\/async-function\//;
const MOST_REDIRECTS = 3;
/** Those with which the same is to be sent again. */
const REDIRECTS = new Set([301, 302, 307, 308]);
/** The slowest receiver of a long body. */
const LEAST_BYTES_PER_MS = 128;
/** Of the answer, before it is cut off: nobody reads it. */
const MOST_ANSWER_BYTES = 256 * 1024;

/** An address that a name has, or the only ones that it has, must not be called. */
class RefusedError extends Error {}

/**
 * Posts to a client's address. What is checked is the address that is connected to, at each redirect anew: a name may have another
 * address each time that it is asked for.
 */
export async function post(wanted: Post, options: PostOptions, signal: AbortSignal): Promise<PostOutcome> {
  // As asked for it may be written in other ways, e.g. `HTTPS://`.
  let url = URL.parse(wanted.url)?.href ?? wanted.url;
  try {
    for (let redirects = 0; ; redirects++) {
      const answer = await postOnce({ ...wanted, url }, options, signal);
      const { status, location, retryAfter } = answer;
      if (!REDIRECTS.has(status) || location === undefined) return { kind: 'answered', status, retryAfter };
      if (redirects === MOST_REDIRECTS) {
        return { kind: 'refused', reason: `it sends on and on (${redirects + 1} redirects)` };
      }
      const next = URL.parse(location, url);
      if (next === null) return { kind: 'refused', reason: 'it sends to what is no URL' };
      // Nobody is to see over the wire what was to go encrypted.
      if (url.startsWith('https:') && next.protocol !== 'https:') {
        return { kind: 'refused', reason: 'it sends from https to http' };
      }
      url = next.href;
    }
  } catch (error) {
    const reason = reasonOf(error as NodeJS.ErrnoException);
    return { kind: error instanceof RefusedError ? 'refused' : 'lost', reason };
  }
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly retryAfter: string | undefined;
}

function postOnce(
  { url: text, headers: plainHeaders, callHeaders, bodyBytes, openBody }: Post,
  options: PostOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new RefusedError('it is no URL of http or https');
  const isFunction = isOwnFunction(url, options.gateway);
  const headers = isFunction && ASYNC.test(url.pathname) ? callHeaders : plainHeaders;
  const lookup = isFunction ? undefined : checkedLookup(url, options);
  const timeoutMs =
    (isFunction ? options.functionTimeoutMs : options.timeoutMs) + Math.ceil(bodyBytes / LEAST_BYTES_PER_MS);
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise<Answer>((resolve, reject) => {
    const request = send({
      // One connection for each: one that was checked is not used for another name.
      agent: false,
      method: 'POST',
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      ...(url.port !== '' && { port: Number(url.port) }),
      path: url.pathname + url.search,
      headers: { ...headers, ...authorizationOf(url) },
      ...(lookup !== undefined && { lookup }),
    });
    const end = (error: Error): void => {
      request.destroy();
      reject(error);
    };
    const onAbort = (): void => end(new Error('this worker stops'));
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      reject(new Error('it hung up without an answer'));
    });
    request.on('error', end);
    request.once('response', (response) => {
      const { location, 'retry-after': retryAfter } = response.headers;
      resolve({ status: response.statusCode ?? 0, location, retryAfter });
      readAway(request, response);
    });
    if (signal.aborted) onAbort();
    else sendBody(request, openBody).catch(end);
  });
}

async function sendBody(request: ClientRequest, openBody: Post['openBody']): Promise<void> {
  for await (const piece of openBody()) {
    if (request.destroyed || request.writableEnded) return;
    if (request.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        request.off('drain', goOn).off('close', goOn);
        resolve();
      };
      request.on('drain', goOn).on('close', goOn);
    });
  }
  request.end();
}

/** A function that is called would notice that its answer is not wanted; a host that sends for ever is left. */
function readAway(request: ClientRequest, response: IncomingMessage): void {
  let left = MOST_ANSWER_BYTES;
  response.on('data', (piece: Uint8Array) => {
    left -= piece.length;
    if (left < 0) request.destroy();
  });
  // It is known how it ended.
  response.on('error', () => undefined);
}

/** `http://<gateway>/function/…`, `/async-function/…` and nothing else there. */
function isOwnFunction(url: URL, { hostname, port }: PostOptions['gateway']): boolean {
  return (
    url.protocol === 'http:' &&
    url.hostname.replace(/^\[|\]$/g, '') === hostname &&
    Number(url.port || 80) === port &&
    /^\/(async-)?function\/[^/]/.test(url.pathname)
  );
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;
type CheckedLookup = (host: string, options: LookupOptions, done: LookupCallback) => void;

/** @throws {RefusedError} when the URL's host is an address, which nobody looks up, and must not be called */
function checkedLookup(url: URL, { addresses, resolve = resolveByName }: PostOptions): CheckedLookup {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isOpen = addresses.isNameAllowed(host);
  if (!isOpen && addresses.isRefusedLiteral(host)) throw refused(host);
  return (name, { all }, done) => {
    resolve(name).then(
      (found) => {
        const allowed = found.filter(({ address }) => isOpen || addresses.isAllowed(address));
        const [first] = allowed;
        if (first === undefined) done(found.length === 0 ? notFound(name) : refused(name), []);
        else if (all === true) done(null, allowed);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, []),
    );
  };
}

function refused(host: string): RefusedError {
  const what = isIP(host) === 0 ? `${host} has an internal address` : `${host} is an internal address`;
  return new RefusedError(`${what}: callbacks go there only where the operator opens it (callback_allow)`);
}

function notFound(host: string): Error {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
}

function resolveByName(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    // Many hosts have an address of IPv6, and no way to reach others.
    lookupName(host, { all: true, order: 'ipv4first' }, (error, found) =>
      error === null ? resolve(found) : reject(error),
    );
  });
}

/** As every client does with `http://user:password@host/`. */
function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  try {
    const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { authorization: `Basic ${Buffer.from(plain).toString('base64')}` };
  } catch {
    throw new RefusedError('its user or password cannot be read');
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}
