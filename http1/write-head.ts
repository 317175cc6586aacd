import { STATUS_CODES } from 'node:http';
import { isFieldValue, isToken } from './grammar.ts';
import type { RawHeaders } from './types.ts';

/** The standard phrase of a status; empty when it has none. */
export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? '';
}

/** `HTTP/1.1 200 OK` with its CR LF. @throws {RangeError} for what is no status or reason */
export function statusLine(status: number, reason = reasonPhrase(status)): string {
  if (!Number.isInteger(status) || status < 100 || status > 999)
    throw new RangeError(`invalid status ${status}`);
  if (!isFieldValue(reason)) throw new RangeError('invalid byte in the reason phrase');
  return `HTTP/1.1 ${status} ${reason}\r\n`;
}

/** One field line with its CR LF. @throws {TypeError} for a name or value that would break the head, line breaks above all */
export function fieldLine(name: string, value: string): string {
  if (!isToken(name)) throw new TypeError(`invalid header name ${JSON.stringify(name)}`);
  if (!isFieldValue(value)) throw new TypeError(`invalid byte in the value of header ${name}`);
  return `${name}: ${value}\r\n`;
}

/** Field lines of `[name, value, …]`. @throws {TypeError} see {@link fieldLine} */
export function fieldLines(headers: RawHeaders): string {
  let text = '';
  for (let i = 0; i + 1 < headers.length; i += 2) text += fieldLine(headers[i] ?? '', headers[i + 1] ?? '');
  return text;
}

/** The lines that ask for another protocol, or agree to it: the `Upgrade` fields among `headers`, and the `Connection` that names them. */
export function upgradeLines(headers: RawHeaders): string {
  let text = 'Connection: Upgrade\r\n';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'upgrade') text += fieldLine('Upgrade', headers[i + 1] ?? '');
  }
  return text;
}

let dateSecond = 0;
let dateText = '';

/** The `date` field line of now, made once a second. */
export function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
