import { BadMessage } from './bad-message.ts';
import type { Version } from './framing.ts';
import { FIELD_VALUE, TARGET, TOKEN } from './grammar.ts';
import { latin1 } from './intern.ts';
import { ParsedRequest } from './parsed-request.ts';
import { ParsedResponse } from './parsed-response.ts';
import { isBesideMuch, ReceivedFields } from './received-fields.ts';

const CRLF_CRLF = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const SLASH = 0x2f;
const MOST_RESPONSE_FIELDS = 1024;
/** `HTTP/1.1` with its CR LF. */
const VERSION_LINE_BYTES = 10;
const HTTP_1_ = Uint8Array.from(Buffer.from('HTTP/1.'));

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

/** Trailer fields: the lines after the last chunk, with their final empty line. @throws {BadMessage} */
export function parseTrailers(text: string, headerCount: number): readonly string[] {
  const bytes = Buffer.from(text, 'latin1');
  return new ReceivedFields(bytes, 0, bytes.length, headerCount).headers;
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
  if (isBesideMuch(bytes, start, end)) {
    return parseRequestHead(Buffer.from(bytes.subarray(start, end)), 0, end - start, headerCount);
  }
  let methodEnd = start;
  while (TOKEN[bytes[methodEnd] ?? 0] === 1) methodEnd++;
  if (methodEnd === start || bytes[methodEnd] !== SPACE) throw brokenRequestLine();
  const targetStart = methodEnd + 1;
  let targetEnd = targetStart;
  while (TARGET[bytes[targetEnd] ?? 0] === 1) targetEnd++;
  if (targetEnd === targetStart || bytes[targetEnd] !== SPACE) throw brokenRequestLine();
  const version = parseVersion(bytes, targetEnd + 1);
  const method = latin1(bytes, start, methodEnd);
  if (method === 'CONNECT') throw new BadMessage(501, 'CONNECT is not supported');
  if (bytes[targetStart] !== SLASH) checkTargetForm(method, bytes.toString('latin1', targetStart, targetEnd));
  const fields = new ReceivedFields(bytes, targetEnd + 1 + VERSION_LINE_BYTES, end, headerCount);
  return new ParsedRequest(fields, method, targetStart, targetEnd, version);
}

function brokenRequestLine(): BadMessage {
  return new BadMessage(400, 'the request line is not "METHOD target HTTP/1.1"');
}

/** The version that is written at `start`, and by no other bytes up to its CR LF. @throws {BadMessage} */
function parseVersion(bytes: Buffer, start: number): Version {
  const minor = bytes[start + 7];
  if (startsWith(bytes, start, HTTP_1_) && bytes[start + 8] === CR && bytes[start + 9] === LF) {
    if (minor === 0x31) return '1.1';
    if (minor === 0x30) return '1.0';
  }
  if (/^HTTP\/[0-9]\.[0-9]\r\n$/.test(bytes.toString('latin1', start, start + VERSION_LINE_BYTES)))
    throw new BadMessage(505, 'only HTTP/1.1 and HTTP/1.0 are spoken here');
  throw brokenRequestLine();
}

function startsWith(bytes: Uint8Array, start: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}

function checkTargetForm(method: string, target: string): void {
  if (target === '*' && method === 'OPTIONS') return;
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
  if (isBesideMuch(bytes, start, end)) {
    return parseResponseHead(Buffer.from(bytes.subarray(start, end)), 0, end - start, isHead);
  }
  const minor = bytes[start + 7];
  const status = parseStatus(bytes, start + 9);
  let lineEnd = start + 12;
  // Some servers leave out the space before an empty reason.
  const isStatusLine =
    startsWith(bytes, start, HTTP_1_) &&
    (minor === 0x31 || minor === 0x30) &&
    bytes[start + 8] === SPACE &&
    status !== -1 &&
    (bytes[lineEnd] === SPACE || bytes[lineEnd] === CR);
  if (!isStatusLine) throw new BadMessage(502, 'the answer does not begin with an HTTP/1.1 status line');
  while (FIELD_VALUE[bytes[lineEnd] ?? 0] === 1) lineEnd++;
  if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF)
    throw new BadMessage(502, 'invalid byte in the reason phrase');
  const fields = new ReceivedFields(bytes, lineEnd + 2, end, MOST_RESPONSE_FIELDS);
  return new ParsedResponse(fields, start, status, minor === 0x31 ? '1.1' : '1.0', isHead);
}

/** Three digits, 100 to 999; -1 when they are none. */
function parseStatus(bytes: Uint8Array, start: number): number {
  const hundreds = (bytes[start] ?? 0) - 0x30;
  const tens = (bytes[start + 1] ?? 0) - 0x30;
  const ones = (bytes[start + 2] ?? 0) - 0x30;
  const isNumber = hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  return isNumber ? hundreds * 100 + tens * 10 + ones : -1;
}
