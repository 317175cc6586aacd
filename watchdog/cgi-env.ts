import type { RequestHead } from '../http1/types.ts';
import { losslessText } from './lossless-text.ts';

/** Framing and routing fields, which the contract hands over under names of their own. */
const NOT_LISTED = new Set(['host', 'transfer-encoding', 'trailer']);

/**
 * A `Proxy` request header would become `Http_Proxy`, which HTTP clients that read the environment without regard to
 * case (Python's urllib) take for a proxy setting chosen by a stranger.
 * @see https://httpoxy.org
 */
const PROXY = 'proxy';

const canonicalNames = new Map<string, string>();

/**
 * The extra environment a forked function process gets for one request.
 * @param contract of-watchdog's has no `Http_Host` and no `Http_ContentLength`, and `Http_Content_Length` only as a header
 * @returns e.g. `{ Http_Method: 'POST', Http_Query: 'a=1' }`; in the classic contract `Http_Content_Length` is bytes, -1 when chunked
 * Bytes that are no UTF-8 are lone surrogates in the values (lossless-text.ts).
 * @throws {URIError} when the path has a malformed escape or holds a NUL
 */
export function cgiEnv(
  request: RequestHead,
  contract: 'classic' | 'of-watchdog' = 'classic',
): Record<string, string> {
  const env: Record<string, string> = {};
  const doubtful: Record<string, string> = {};
  const { headers } = request;
  let host = '';
  let transferEncoding = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'host') host ||= value;
    else if (lower === 'transfer-encoding') transferEncoding ||= value.split(',')[0]?.trim() ?? '';
    if (NOT_LISTED.has(lower) || lower === PROXY) continue;
    const key = envName(name);
    if (name.includes('_')) doubtful[key] ??= decodeBytes(value);
    else env[key] ??= decodeBytes(value);
  }
  const { path, query } = splitTarget(request.target);
  env['Http_Method'] = request.method;
  if (transferEncoding !== '') env['Http_Transfer_Encoding'] = transferEncoding.toLowerCase();
  if (query !== '') env['Http_Query'] = decodeBytes(query);
  if (path !== '') env['Http_Path'] = decodePath(path);
  if (contract === 'classic') {
    const length = String(request.contentLength);
    env['Http_ContentLength'] = length;
    env['Http_Content_Length'] = length;
    if (host !== '') env['Http_Host'] = decodeBytes(host);
  }
  // A client's `X_Forwarded_For` must not pass for the gateway's `X-Forwarded-For`, not even where case does not count: who reads them in order meets the true one last.
  return { ...doubtful, ...env };
}

/** Path and raw query of a request target in origin or absolute form. `/a?b=1` is `{ path: '/a', query: 'b=1' }`. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const scheme = target.startsWith('/') ? -1 : target.indexOf('://');
  const start = scheme === -1 ? 0 : target.indexOf('/', scheme + 3);
  const local = start === -1 ? '/' : target.slice(start);
  const mark = local.indexOf('?');
  return mark === -1
    ? { path: local, query: '' }
    : { path: local.slice(0, mark), query: local.slice(mark + 1) };
}

/** `x-call-id` is `X-Call-Id`, as Go spells header names. */
export function canonicalHeaderName(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

function envName(name: string): string {
  const known = canonicalNames.get(name);
  if (known !== undefined) return known;
  const made = `Http_${canonicalHeaderName(name).replaceAll('-', '_')}`;
  if (canonicalNames.size < 256) canonicalNames.set(name, made); // names come from strangers: the memory of them is bounded
  return made;
}

/** The head was read as latin1; what it was on the wire must reach the process as the same bytes. */
function decodeBytes(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return losslessText(Buffer.from(text, 'latin1'));
  }
  return text;
}

function decodePath(path: string): string {
  if (!path.includes('%')) return decodeBytes(path);
  if (/%(?![0-9a-f]{2})/i.test(path)) throw new URIError(`invalid URL escape in the path ${path}`);
  if (path.includes('%00')) throw new URIError('the path holds a NUL byte');
  const bytes = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return decodeBytes(bytes);
}
