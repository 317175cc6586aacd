import { BadMessage } from './bad-message.ts';
import {
  hasOnlyHeadBytes,
  isFieldValue,
  isHost,
  isTarget,
  isToken,
  listHas,
  parseLength,
  TOKEN,
} from './grammar.ts';
import type { RequestHead, UpstreamResponseHead } from './types.ts';

const CRLF_CRLF = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;

/** A request head with what the connection needs to know of it. */
export interface ParsedRequest extends RequestHead {
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  /** All `Connection` values joined by commas; empty when there is none. */
  readonly connection: string;
  /** `Upgrade` is asked for, and `Connection` says so. */
  readonly wantsUpgrade: boolean;
}

/** A response head with what the upstream connection needs to know of it. */
export interface ParsedResponse extends UpstreamResponseHead {
  readonly reason: string;
  readonly keepAlive: boolean;
  readonly connection: string;
  readonly isChunked: boolean;
  /** Seconds of `Keep-Alive: timeout=…`; -1 when not announced. */
  readonly keepAliveSeconds: number;
}

/**
 * Where the head that begins at `start` ends (the index after its empty line), or -1 when it is not whole yet.
 * `searched` is how far earlier calls have looked, so that a head sent byte by byte costs no more than another.
 */
export function findHeadEnd(bytes: Buffer, start: number, searched: number): number {
  const found = bytes.indexOf(CRLF_CRLF, Math.max(start, searched - 3));
  return found === -1 ? -1 : found + 4;
}

/**
 * Refuses early what can never become a head: a line feed without its carriage return, a NUL, a first byte that begins no token.
 * @throws {BadMessage} 400
 */
export function checkUnfinishedHead(bytes: Buffer, start: number, searched: number): void {
  if (bytes.length > start && TOKEN[bytes[start] ?? 0] === 0 && bytes[start] !== CR) {
    throw new BadMessage(400, 'this is no HTTP/1.1 request');
  }
  for (let i = Math.max(start, searched); i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === 0 || (byte === LF && (i === start || bytes[i - 1] !== CR))) {
      throw new BadMessage(400, 'a line of the head does not end in CR LF');
    }
  }
}

/** What the field lines say about framing; filled while they are read. */
class Fields {
  readonly headers: string[] = [];
  host: string | undefined;
  hostCount = 0;
  length: string | undefined;
  lengthCount = 0;
  encoding: string | undefined;
  encodingCount = 0;
  connection = '';
  expect = '';
  upgrade = false;
  keepAlive = '';

  /** Most names are none of ours and are passed by on their length alone. */
  note(name: string, value: string): void {
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'host') {
          this.host = value;
          this.hostCount++;
        }
        break;
      case 6:
        if (name.toLowerCase() === 'expect')
          this.expect = this.expect === '' ? value : `${this.expect}, ${value}`;
        break;
      case 7:
        if (name.toLowerCase() === 'upgrade') this.upgrade = true;
        break;
      case 10: {
        const lower = name.toLowerCase();
        if (lower === 'connection')
          this.connection = this.connection === '' ? value : `${this.connection},${value}`;
        else if (lower === 'keep-alive') this.keepAlive = value;
        break;
      }
      case 14:
        if (name.toLowerCase() === 'content-length') {
          this.length = value;
          this.lengthCount++;
        }
        break;
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') {
          this.encoding = value;
          this.encodingCount++;
        }
        break;
    }
  }
}

/**
 * Reads field lines from `position` to the empty line that ends `text`.
 * @throws {BadMessage} 400; 431 when there are more than `headerCount`
 */
function parseFields(text: string, start: number, headerCount: number): Fields {
  if (!hasOnlyHeadBytes(text)) throw new BadMessage(400, 'control character in the head');
  const fields = new Fields();
  const last = text.length - 2;
  let position = start;
  while (position < last) {
    const end = text.indexOf('\r', position);
    if (end === -1 || text.indexOf('\n', position) !== end + 1) {
      throw new BadMessage(400, 'bare CR or LF in the head');
    }
    let colon = position;
    while (colon < end && TOKEN[text.charCodeAt(colon)] === 1) colon++;
    if (colon === position || text.charCodeAt(colon) !== 0x3a) {
      throw new BadMessage(400, 'a header line is not "name: value"');
    }
    let from = colon + 1;
    let to = end;
    while (from < to && isBlank(text.charCodeAt(from))) from++;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
    const name = text.slice(position, colon);
    const value = text.slice(from, to);
    fields.headers.push(name, value);
    fields.note(name, value);
    position = end + 2;
  }
  if (position !== last) throw new BadMessage(400, 'the head does not end in an empty line');
  if (fields.headers.length > headerCount * 2)
    throw new BadMessage(431, `more than ${headerCount} header fields`);
  return fields;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Trailer fields: the lines after the last chunk, with their final empty line. @throws {BadMessage} */
export function parseTrailers(text: string, headerCount: number): string[] {
  return parseFields(text, 0, headerCount).headers;
}

/** -1 for chunked, NaN when nothing is said. @throws {BadMessage} */
function bodyLength(fields: Fields, version: '1.0' | '1.1'): number {
  if (fields.encoding !== undefined) {
    if (fields.length !== undefined) throw new BadMessage(400, 'both Content-Length and Transfer-Encoding');
    if (version === '1.0') throw new BadMessage(400, 'Transfer-Encoding in HTTP/1.0');
    if (fields.encodingCount === 1 && fields.encoding.toLowerCase() === 'chunked') return -1;
    const isKnown = fields.encodingCount === 1 && /^[a-z-]+( *, *[a-z-]+)*$/i.test(fields.encoding);
    throw new BadMessage(isKnown ? 501 : 400, 'the only Transfer-Encoding understood is chunked');
  }
  if (fields.length === undefined) return Number.NaN;
  if (fields.lengthCount > 1) throw new BadMessage(400, 'more than one Content-Length');
  const length = parseLength(fields.length);
  if (Number.isNaN(length)) throw new BadMessage(400, 'Content-Length is not a number of bytes');
  return length;
}

/**
 * Reads a whole request head, from its first byte to its empty line.
 * @throws {BadMessage} 400, 417, 431, 501 or 505
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  headerCount: number,
): ParsedRequest {
  const text = bytes.toString('latin1', start, end);
  const lineEnd = text.indexOf('\r\n');
  const methodEnd = text.indexOf(' ');
  const targetEnd = text.indexOf(' ', methodEnd + 1);
  if (methodEnd < 1 || targetEnd <= methodEnd + 1 || targetEnd > lineEnd) {
    throw new BadMessage(400, 'the request line is not "METHOD target HTTP/1.1"');
  }
  const method = text.slice(0, methodEnd);
  if (!isToken(method)) throw new BadMessage(400, 'invalid method');
  const version = parseVersion(text.slice(targetEnd + 1, lineEnd));
  const target = text.slice(methodEnd + 1, targetEnd);
  if (!isTarget(target)) throw new BadMessage(400, 'invalid byte in the request target');
  if (method === 'CONNECT') throw new BadMessage(501, 'CONNECT is not supported');
  checkTargetForm(method, target);

  const fields = parseFields(text, lineEnd + 2, headerCount);
  if (fields.hostCount > 1) throw new BadMessage(400, 'more than one Host');
  if (fields.host === undefined) {
    if (version === '1.1') throw new BadMessage(400, 'Host is missing');
  } else if (!isHost(fields.host)) throw new BadMessage(400, 'invalid Host');
  const said = bodyLength(fields, version);
  const expectsContinue = fields.expect !== '' && version === '1.1';
  if (expectsContinue && fields.expect.toLowerCase() !== '100-continue') {
    throw new BadMessage(417, 'the only expectation understood is 100-continue');
  }
  const { connection } = fields;
  return {
    method,
    target,
    version,
    headers: fields.headers,
    contentLength: Number.isNaN(said) ? 0 : said,
    connection,
    keepAlive:
      connection === ''
        ? version === '1.1'
        : !listHas(connection, 'close') && (version === '1.1' || listHas(connection, 'keep-alive')),
    expectsContinue,
    wantsUpgrade: fields.upgrade && version === '1.1' && listHas(connection, 'upgrade'),
  };
}

function parseVersion(text: string): '1.0' | '1.1' {
  if (text === 'HTTP/1.1') return '1.1';
  if (text === 'HTTP/1.0') return '1.0';
  if (/^HTTP\/[0-9]\.[0-9]$/.test(text))
    throw new BadMessage(505, 'only HTTP/1.1 and HTTP/1.0 are spoken here');
  throw new BadMessage(400, 'the request line is not "METHOD target HTTP/1.1"');
}

function checkTargetForm(method: string, target: string): void {
  if (target.charCodeAt(0) === 0x2f || (target === '*' && method === 'OPTIONS')) return;
  if (!/^https?:\/\/[^/?]/i.test(target)) throw new BadMessage(400, 'the request target must begin with /');
}

/**
 * Reads a whole response head. `isHead`: it answers a HEAD request. A length of -1 without `isChunked` means: until the connection closes.
 * @throws {BadMessage} whose status is of no use
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  isHead: boolean,
): ParsedResponse {
  const text = bytes.toString('latin1', start, end);
  const lineEnd = text.indexOf('\r\n');
  const version = text.startsWith('HTTP/1.1 ') ? '1.1' : text.startsWith('HTTP/1.0 ') ? '1.0' : undefined;
  const status = parseStatus(text);
  // Some servers leave out the space before an empty reason.
  if (version === undefined || status === -1 || (lineEnd !== 12 && text.charCodeAt(12) !== 0x20)) {
    throw new BadMessage(502, 'the answer does not begin with an HTTP/1.1 status line');
  }
  if (!isFieldValue(text.slice(12, lineEnd))) throw new BadMessage(502, 'invalid byte in the reason phrase');
  const fields = parseFields(text, lineEnd + 2, 1024);
  const said = bodyLength(fields, version);
  const { connection } = fields;
  const isBodiless = isHead || status < 200 || status === 204 || status === 304;
  const timeout =
    fields.keepAlive === '' ? null : /(?:^|[\s,])timeout=(\d{1,9})(?:$|[\s,])/i.exec(fields.keepAlive);
  return {
    status,
    reason: text.slice(13, lineEnd),
    version,
    headers: fields.headers,
    contentLength: isBodiless ? 0 : Number.isNaN(said) ? -1 : said,
    isChunked: !isBodiless && said === -1,
    connection,
    keepAlive:
      connection === ''
        ? version === '1.1'
        : !listHas(connection, 'close') && (version === '1.1' || listHas(connection, 'keep-alive')),
    keepAliveSeconds: timeout === null ? -1 : Number(timeout[1]),
  };
}

/** Three digits, 100 to 999; -1 when they are none. */
function parseStatus(text: string): number {
  const hundreds = text.charCodeAt(9) - 0x30;
  const tens = text.charCodeAt(10) - 0x30;
  const ones = text.charCodeAt(11) - 0x30;
  const isNumber = hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  return isNumber ? hundreds * 100 + tens * 10 + ones : -1;
}
