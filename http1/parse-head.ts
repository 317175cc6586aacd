import { BadMessage } from './bad-message.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  KEEP_ALIVE,
  LAST_OF_FRAMING,
  TRANSFER_ENCODING,
  UPGRADE,
} from './field-names.ts';
import { FIELD_VALUE, HOST_BYTE, listHas, parseLength, TARGET, TOKEN } from './grammar.ts';
import { latin1 } from './intern.ts';
import { isBesideMuch, ReceivedFields } from './received-fields.ts';
import type { RawHeaders, RequestHead, UpstreamResponseHead } from './types.ts';

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

/** What the field lines say about framing: one at a time is read, used and forgotten. */
class Framing {
  hostCount = 0;
  hostIndex = -1;
  lengthCount = 0;
  lengthIndex = -1;
  encodingCount = 0;
  encodingIndex = -1;
  keepAliveIndex = -1;
  hasUpgrade = false;
  /** All values, joined by commas. */
  connection = '';
  expect = '';

  read(fields: ReceivedFields): void {
    this.hostCount = this.lengthCount = this.encodingCount = 0;
    this.hostIndex = this.lengthIndex = this.encodingIndex = this.keepAliveIndex = -1;
    this.hasUpgrade = false;
    this.connection = this.expect = '';
    const { spans } = fields;
    for (let i = 0; i < spans.count; i++) {
      const id = spans.id(i);
      if (id !== 0 && id <= LAST_OF_FRAMING) this.#note(fields, id, i);
    }
  }

  #note(fields: ReceivedFields, id: number, index: number): void {
    switch (id) {
      case HOST:
        this.hostIndex = index;
        this.hostCount++;
        break;
      case CONTENT_LENGTH:
        this.lengthIndex = index;
        this.lengthCount++;
        break;
      case TRANSFER_ENCODING:
        this.encodingIndex = index;
        this.encodingCount++;
        break;
      case CONNECTION: {
        const value = fields.value(index);
        this.connection = this.connection === '' ? value : `${this.connection},${value}`;
        break;
      }
      case KEEP_ALIVE:
        this.keepAliveIndex = index;
        break;
      case EXPECT: {
        const value = fields.value(index);
        if (value !== '') this.expect = this.expect === '' ? value : `${this.expect}, ${value}`;
        break;
      }
      case UPGRADE:
        this.hasUpgrade = true;
    }
  }
}

const framing = new Framing();

type Version = '1.0' | '1.1';

/** A received request head, with what the connection needs to know of it. */
export class ParsedRequest implements RequestHead {
  readonly fields: ReceivedFields;
  readonly method: string;
  readonly version: Version;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  /** `Upgrade` is asked for, and `Connection` says so. */
  readonly wantsUpgrade: boolean;
  /** All `Connection` values joined by commas; empty when there is none. */
  readonly connection: string;
  readonly #targetStart: number;
  readonly #targetEnd: number;
  #target: string | undefined;
  /** The fields, where some were replaced. */
  #replaced: RawHeaders | undefined;

  /** Reads framing off the field lines that were read last. @throws {BadMessage} */
  constructor(
    fields: ReceivedFields,
    method: string,
    targetStart: number,
    targetEnd: number,
    version: Version,
  ) {
    framing.read(fields);
    if (framing.hostCount > 1) throw new BadMessage(400, 'more than one Host');
    if (framing.hostCount === 0) {
      if (version === '1.1') throw new BadMessage(400, 'Host is missing');
    } else if (!isHost(fields, framing.hostIndex)) throw new BadMessage(400, 'invalid Host');
    const said = bodyLength(fields, version);
    const { connection } = framing;
    this.fields = fields;
    this.method = method;
    this.version = version;
    this.#targetStart = targetStart;
    this.#targetEnd = targetEnd;
    this.contentLength = Number.isNaN(said) ? 0 : said;
    this.connection = connection;
    this.keepAlive = keepsAlive(connection, version);
    this.expectsContinue = framing.expect !== '' && version === '1.1';
    this.wantsUpgrade = framing.hasUpgrade && version === '1.1' && listHas(connection, 'upgrade');
    if (this.expectsContinue && framing.expect.toLowerCase() !== '100-continue') {
      throw new BadMessage(417, 'the only expectation understood is 100-continue');
    }
  }

  get target(): string {
    this.#target ??= latin1(this.fields.bytes, this.#targetStart, this.#targetEnd);
    return this.#target;
  }

  get headers(): RawHeaders {
    return this.#replaced ?? this.fields.headers;
  }

  /** Whether the fields are still what came, so that their bytes can be passed on. */
  get isAsReceived(): boolean {
    return this.#replaced === undefined;
  }

  /** Whether there is a field of the name with this number. */
  has(id: number): boolean {
    return this.fields.has(id);
  }

  find(lowerCaseName: string): string | undefined {
    const headers = this.#replaced;
    if (headers === undefined) return this.fields.find(lowerCaseName);
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i]?.toLowerCase() === lowerCaseName) return headers[i + 1];
    }
    return undefined;
  }

  /** Puts one field in the place of all of that name. */
  replace(name: string, value: string): void {
    const lowerCaseName = name.toLowerCase();
    const others = this.headers.filter((_, i, all) => all[i - (i % 2)]?.toLowerCase() !== lowerCaseName);
    this.#replaced = [...others, name, value];
  }
}

/** A received response head, with what the upstream connection needs to know of it. */
export class ParsedResponse implements UpstreamResponseHead {
  readonly fields: ReceivedFields;
  readonly status: number;
  readonly version: Version;
  readonly contentLength: number;
  readonly isChunked: boolean;
  readonly keepAlive: boolean;
  readonly connection: string;
  /** Seconds of `Keep-Alive: timeout=…`; -1 when not announced. */
  readonly keepAliveSeconds: number;
  /** Where the status line begins. */
  readonly start: number;

  /** Reads framing off the field lines that were read last. @throws {BadMessage} */
  constructor(fields: ReceivedFields, start: number, status: number, version: Version, isHead: boolean) {
    framing.read(fields);
    const said = bodyLength(fields, version);
    const isBodiless = isHead || status < 200 || status === 204 || status === 304;
    const { connection } = framing;
    this.fields = fields;
    this.start = start;
    this.status = status;
    this.version = version;
    this.contentLength = isBodiless ? 0 : Number.isNaN(said) ? -1 : said;
    this.isChunked = !isBodiless && said === -1;
    this.connection = connection;
    this.keepAlive = keepsAlive(connection, version);
    this.keepAliveSeconds =
      framing.keepAliveIndex === -1 ? -1 : announcedSeconds(fields.value(framing.keepAliveIndex));
  }

  get reason(): string {
    // The reason stands behind the status and a space, before the line's CR LF.
    return this.fields.bytes.toString(
      'latin1',
      this.start + 13,
      Math.max(this.start + 13, this.fields.fieldsStart - 2),
    );
  }

  get headers(): RawHeaders {
    return this.fields.headers;
  }
}

function keepsAlive(connection: string, version: Version): boolean {
  if (connection === '') return version === '1.1';
  return !listHas(connection, 'close') && (version === '1.1' || listHas(connection, 'keep-alive'));
}

function announcedSeconds(keepAlive: string): number {
  const timeout = /(?:^|[\s,])timeout=(\d{1,9})(?:$|[\s,])/i.exec(keepAlive);
  return timeout === null ? -1 : Number(timeout[1]);
}

function isHost(fields: ReceivedFields, index: number): boolean {
  const { bytes, spans } = fields;
  const end = spans.valueEnd(index);
  for (let i = spans.valueStart(index); i < end; i++) {
    if (HOST_BYTE[bytes[i] ?? 0] === 0) return false;
  }
  return true;
}

/** Trailer fields: the lines after the last chunk, with their final empty line. @throws {BadMessage} */
export function parseTrailers(text: string, headerCount: number): readonly string[] {
  const bytes = Buffer.from(text, 'latin1');
  return new ReceivedFields(bytes, 0, bytes.length, headerCount).headers;
}

/** -1 for chunked, NaN when nothing is said. @throws {BadMessage} */
function bodyLength(fields: ReceivedFields, version: Version): number {
  const { lengthCount, encodingCount } = framing;
  if (encodingCount > 0) {
    if (lengthCount > 0) throw new BadMessage(400, 'both Content-Length and Transfer-Encoding');
    if (version === '1.0') throw new BadMessage(400, 'Transfer-Encoding in HTTP/1.0');
    const encoding = fields.value(framing.encodingIndex);
    if (encodingCount === 1 && encoding.toLowerCase() === 'chunked') return -1;
    const isKnown = encodingCount === 1 && /^[a-z-]+( *, *[a-z-]+)*$/i.test(encoding);
    throw new BadMessage(isKnown ? 501 : 400, 'the only Transfer-Encoding understood is chunked');
  }
  if (lengthCount === 0) return Number.NaN;
  if (lengthCount > 1) throw new BadMessage(400, 'more than one Content-Length');
  const { spans, bytes } = fields;
  const length = parseLength(
    bytes,
    spans.valueStart(framing.lengthIndex),
    spans.valueEnd(framing.lengthIndex),
  );
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
