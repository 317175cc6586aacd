// Character classes of RFC 9110 and 9112, as tables: one read per byte.

const TOKEN_EXTRA = "!#$%&'*+-.^_`|~";

function table(isMember: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (isMember(code) ? 1 : 0));
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** `tchar`: methods and field names. */
export const TOKEN = table((code) => isAlphanumeric(code) || TOKEN_EXTRA.includes(String.fromCharCode(code)));

/** `field-vchar`, space, tab and obs-text: no control byte, so neither CR, LF nor NUL. */
export const FIELD_VALUE = table((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f));

/** Printable ASCII without space and `#`: what a request target may hold. */
export const TARGET = table((code) => code > 0x20 && code < 0x7f && code !== 0x23);

/** Whether every character of `text` from `start` to `end` is in the class. */
export function isAll(members: Uint8Array, text: string, start = 0, end = text.length): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || members[code] === 0) return false;
  }
  return true;
}

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
