// Character classes of RFC 9110 and 9112. Bytes are read as latin1, so what is beyond \xff came from our own side and is refused.

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const NOT_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_HEAD = /[^\t\r\n\x20-\x7e\x80-\xff]/;
const NOT_TARGET = /[^\x21\x22\x24-\x7e]/;

/** `token`: methods and field names. */
export function isToken(text: string): boolean {
  return text !== '' && !NOT_TOKEN.test(text);
}

/** Field values and reason phrases: no control byte but tab, so neither CR, LF nor NUL. */
export function isFieldValue(text: string): boolean {
  return !NOT_FIELD_VALUE.test(text);
}

/** Whether a head holds only bytes that may be in one; that CR and LF come in pairs is for its parser to see. */
export function hasOnlyHeadBytes(text: string): boolean {
  return !NOT_HEAD.test(text);
}

/** Printable ASCII without space and `#`: what a request target may hold. */
export function isTarget(text: string): boolean {
  return text !== '' && !NOT_TARGET.test(text);
}

function table(isMember: (text: string) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (isMember(String.fromCharCode(code)) ? 1 : 0));
}

/** {@link isToken} by byte. */
export const TOKEN = table(isToken);

/** {@link isFieldValue} by byte. */
export const FIELD_VALUE = table(isFieldValue);

const HOST = /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]*$/;

/** Whether a `Host` value is made of the bytes that an authority may hold; empty is allowed (RFC 9112 3.2). */
export function isHost(value: string): boolean {
  return HOST.test(value);
}

/** A length in bytes: digits only, at most 15 so that it stays exact. NaN when it is none. */
export function parseLength(value: string): number {
  if (value.length === 0 || value.length > 15) return Number.NaN;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
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
  return text.split(',').some((item) => item.trim() === word);
}
