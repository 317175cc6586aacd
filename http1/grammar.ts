// Character classes of RFC 9110 and 9112. Bytes are read as latin1, so what is beyond \xff came from our own side and is refused.

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const NOT_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** `token`: methods and field names. */
export function isToken(text: string): boolean {
  return text !== '' && !NOT_TOKEN.test(text);
}

/** Field values and reason phrases: no control byte but tab, so neither CR, LF nor NUL. */
export function isFieldValue(text: string): boolean {
  return !NOT_FIELD_VALUE.test(text);
}

/** Printable ASCII without space and `#`: what a request target may hold. */
export function isTarget(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TARGET[text.charCodeAt(i)] !== 1) return false;
  return text !== '';
}

function table(isMember: (text: string) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (isMember(String.fromCharCode(code)) ? 1 : 0));
}

/** {@link isToken} by byte. */
export const TOKEN = table(isToken);

/** {@link isFieldValue} by byte. */
export const FIELD_VALUE = table(isFieldValue);

/** {@link isTarget} by byte. */
export const TARGET = table((text) => /[\x21\x22\x24-\x7e]/.test(text));

/** The bytes that an authority may hold (RFC 9112 3.2). */
export const HOST_BYTE = table((text) => /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]$/.test(text));

const MOST_LENGTH_DIGITS = 15;

/** A length in bytes, written at `start` to `end`: digits only, at most 15 so that it stays exact. NaN when it is none. */
export function parseLength(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > MOST_LENGTH_DIGITS) return Number.NaN;
  let length = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    length = length * 10 + digit;
  }
  return length;
}

/** Whether a comma-separated list such as `Connection` holds the (lower-case) word. */
export function listHas(list: string, word: string): boolean {
  const text = list.toLowerCase();
  if (text === word) return true;
  if (!text.includes(word)) return false;
  return text.split(',').some((item) => trimBlanks(item) === word);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Without the spaces and tabs around it; `trim` takes more, the byte 0xa0 among them. */
export function trimBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
