import { HeaderFilter, headerFilter } from './hop-by-hop.ts';
import { ServerExchange } from './server-exchange.ts';
import type { Exchange, RelayOptions } from './types.ts';
import { fieldLine, fieldLines } from './write-head.ts';

/** `Expect` is answered by our own listener; lengths and hosts are looked at below. */
const SPECIAL = new HeaderFilter(['expect', 'host', 'content-length', 'upgrade']);

/**
 * The head sent upstream: the client's fields in their order and spelling without the hop-by-hop ones, our own framing, then the added ones.
 * @throws {TypeError} for an added field that would break the head
 */
export function requestHead(exchange: Exchange, options: RelayOptions, wantsUpgrade: boolean): string {
  const { request } = exchange;
  const { dropRequestHeaders, addRequestHeaders = [] } = options;
  const connection =
    exchange instanceof ServerExchange ? exchange.request.connection : (exchange.header('connection') ?? '');
  const filter = headerFilter(dropRequestHeaders, connection);
  let text = `${request.method} ${options.target} HTTP/1.1\r\n`;
  let needsHost = !namesHost(addRequestHeaders);
  const keepsHost = needsHost;
  const { headers } = request;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (SPECIAL.has(name)) {
      const lower = name.toLowerCase();
      if (lower === 'upgrade') {
        if (wantsUpgrade) text += `Connection: Upgrade\r\n${name}: ${headers[i + 1]}\r\n`;
        continue;
      }
      if (lower === 'expect') continue;
      if (lower === 'host') {
        if (!keepsHost || filter.has(name)) continue;
        needsHost = false;
      }
    } else if (filter.has(name)) continue;
    text += `${name}: ${headers[i + 1]}\r\n`;
  }
  if (request.contentLength === -1) text += 'Transfer-Encoding: chunked\r\n';
  // HTTP/1.0 clients may leave it out; an HTTP/1.1 upstream may not be without.
  if (needsHost) text += fieldLine('Host', hostOf(options));
  return `${text}${fieldLines(addRequestHeaders)}\r\n`;
}

function namesHost(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.length === 4 && headers[i]?.toLowerCase() === 'host') return true;
  }
  return false;
}

function hostOf({ address }: RelayOptions): string {
  if ('unix' in address) return 'localhost';
  return address.hostname.includes(':')
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}
