const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Lone surrogates from here on stand for the bytes 0x80 to 0xff. */
const ESCAPE = 0xdc00;

/**
 * Text of any bytes, none lost: UTF-8 is decoded, and each byte that is not part of any becomes a lone surrogate, U+DC80 to
 * U+DCFF, as Python's `surrogateescape` does. As an argument of `Bun.spawn` such a character is U+FFFD; JSON keeps it.
 * @see https://peps.python.org/pep-0383/
 */
export function losslessText(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (!text.includes('\ufffd')) return text;
  let result = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) result += String.fromCharCode(ESCAPE + (bytes[at] ?? 0));
    else result += decoder.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return result;
}

/** Length of the UTF-8 sequence that begins at `at`; 0 where none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return at + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}
