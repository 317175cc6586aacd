import { HOST } from './field-names.ts';
import { type HeaderFilter, requestFilter } from './hop-by-hop.ts';
import type { Outgoing } from './outgoing.ts';
import { passFields } from './pass-fields.ts';
import { ServerExchange } from './server-exchange.ts';
import type { Exchange, RawHeaders, RelayOptions } from './types.ts';
import { fieldLine, fieldLines, upgradeLines } from './write-head.ts';

/**
 * Writes the head sent upstream: the client's fields in their order and spelling without the hop-by-hop ones, then the added
 * ones and our own framing.
 * @throws {TypeError} for an added field that would break the head; nothing is written then
 */
export function writeRequestHead(
  out: Outgoing,
  exchange: Exchange,
  options: RelayOptions,
  wantsUpgrade: boolean,
): void {
  const { request } = exchange;
  const { addRequestHeaders, ownFields } = options;
  const received = exchange instanceof ServerExchange ? exchange.request : undefined;
  const connection = received?.connection ?? exchange.header('connection') ?? '';
  const filter = requestFilter(options.dropRequestHeaders, connection);
  const isHostSet =
    ownFields?.setsHost === true || (addRequestHeaders !== undefined && namesHost(addRequestHeaders));
  let added = addRequestHeaders === undefined ? '' : fieldLines(addRequestHeaders);
  if (wantsUpgrade) added += upgradeLines(request.headers);
  if (request.contentLength === -1) added += 'Transfer-Encoding: chunked\r\n';
  if (!isHostSet) {
    // HTTP/1.0 clients may leave it out; an HTTP/1.1 upstream may not be without.
    const passesHost = !filter.has('host') && (received?.has(HOST) ?? exchange.header('host') !== undefined);
    if (!passesHost) added += fieldLine('Host', hostOf(options));
  }
  out.text(request.method);
  out.text(' ');
  out.text(options.target);
  out.text(' HTTP/1.1\r\n');
  if (received?.isAsReceived && (!isHostSet || filter.has('host'))) {
    const { fields } = received;
    const isLast = added === '' && ownFields === undefined;
    // Where nothing comes behind the fields, their empty line goes with them.
    passFields(out, fields, filter, fields.fieldsStart, isLast ? fields.end : fields.end - 2);
    if (isLast) return;
  } else out.text(passedLines(request.headers, filter, isHostSet));
  ownFields?.writeRequestFields(out);
  if (added !== '') out.text(added);
  out.text('\r\n');
}

function passedLines(headers: RawHeaders, filter: HeaderFilter, isHostSet: boolean): string {
  let text = '';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (filter.has(name) || (isHostSet && isHost(name))) continue;
    text += `${name}: ${headers[i + 1]}\r\n`;
  }
  return text;
}

function namesHost(headers: RawHeaders): boolean {
  for (let i = 0; i < headers.length; i += 2) if (isHost(headers[i] ?? '')) return true;
  return false;
}

function isHost(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === 'host';
}

function hostOf({ address }: RelayOptions): string {
  if ('unix' in address) return 'localhost';
  return address.hostname.includes(':')
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}
