// Small numbers for the names of fields that somebody asks for, so that a name is looked at once, while its head is read.
// All other names have the number 0.

interface KnownName {
  readonly id: number;
  /** In lower case. */
  readonly bytes: Uint8Array;
}

const MOST_NAMES = 255;
const LONGEST = 64;
const byLength: KnownName[][] = Array.from({ length: LONGEST + 1 }, () => []);
const ids = new Map<string, number>();

/** Names numbered so far: what was read before the last of them may have to be read again. */
export function fieldNameCount(): number {
  return ids.size;
}

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);

/** The number of a name, the same from its first use on; 0 when there are too many names, or it is too long. */
export function fieldId(lowerCaseName: string): number {
  const known = ids.get(lowerCaseName);
  if (known !== undefined) return known;
  const names = byLength[lowerCaseName.length];
  if (names === undefined || ids.size === MOST_NAMES) return 0;
  const id = ids.size + 1;
  ids.set(lowerCaseName, id);
  names.push({ id, bytes: Uint8Array.from(Buffer.from(lowerCaseName, 'latin1')) });
  return id;
}

/** The number that a name has been given so far; 0: none. */
export function knownFieldId(lowerCaseName: string): number {
  return ids.get(lowerCaseName) ?? 0;
}

/** The number of the name that is written at `start` to `end`, in whatever case. */
export function fieldIdAt(bytes: Uint8Array, start: number, end: number): number {
  const names = byLength[end - start];
  if (names === undefined) return 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name !== undefined && isSame(bytes, start, name.bytes)) return name.id;
  }
  return 0;
}

function isSame(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[bytes[start + i] ?? 0] !== lower[i]) return false;
  }
  return true;
}

/** Those that say how a message is framed come first: {@link LAST_OF_FRAMING} is the highest of them. */
export const HOST = fieldId('host');
export const CONTENT_LENGTH = fieldId('content-length');
export const TRANSFER_ENCODING = fieldId('transfer-encoding');
export const CONNECTION = fieldId('connection');
export const KEEP_ALIVE = fieldId('keep-alive');
export const EXPECT = fieldId('expect');
export const UPGRADE = fieldId('upgrade');
export const LAST_OF_FRAMING = UPGRADE;
export const DATE = fieldId('date');
