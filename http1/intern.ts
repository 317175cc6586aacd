// Hosts, targets and most other values come again and again: the string made of them the first time is used again. A string of
// its own for each call would have to be allocated, and collected with all that the caches know.

const SLOTS = 1024;
const LONGEST = 128;
const known: string[] = new Array(SLOTS).fill('');

/** The latin-1 text of `bytes` from `start` to `end`. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return '';
  if (length > LONGEST) return bytes.toString('latin1', start, end);
  let hash = length;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const candidate = known[slot] ?? '';
  if (candidate.length === length && isSame(candidate, bytes, start)) return candidate;
  const text = bytes.toString('latin1', start, end);
  known[slot] = text;
  return text;
}

function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
