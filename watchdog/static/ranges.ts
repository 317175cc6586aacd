/** Bytes of a file, `from` included, `to` not. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** More ranges than this in one request are no honest reading of a file: they are not answered in parts. */
const MOST_RANGES = 32;

/**
 * What a `Range` header asks of a file (RFC 9110 14.1.2).
 * @returns the parts; `whole` where it does not count: another unit, or parts that together are longer than the file;
 * `unsatisfiable` where it is malformed or lies wholly behind the end
 */
export function parseRanges(header: string, size: number): readonly ByteRange[] | 'whole' | 'unsatisfiable' {
  const [, unit = '', list = ''] = /^\s*([^=\s]+)\s*=(.*)$/.exec(header) ?? [];
  if (unit.toLowerCase() !== 'bytes') return 'whole';
  const ranges: ByteRange[] = [];
  let asked = 0;
  for (const item of list.split(',')) {
    const text = item.trim();
    if (text === '') continue;
    asked++;
    const [, first = '', last = ''] = /^(\d{0,15})-(\d{0,15})$/.exec(text) ?? [];
    if (first === '' && last === '') return 'unsatisfiable';
    const range = first === '' ? suffix(Number(last), size) : between(first, last, size);
    if (range === undefined) return 'unsatisfiable';
    if (range.from < range.to) ranges.push(range);
  }
  if (asked === 0 || ranges.length === 0) return size === 0 && asked > 0 ? 'whole' : 'unsatisfiable';
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  return total > size || ranges.length > MOST_RANGES ? 'whole' : ranges;
}

function suffix(length: number, size: number): ByteRange {
  return { from: Math.max(0, size - length), to: size };
}

function between(first: string, last: string, size: number): ByteRange | undefined {
  const from = Number(first);
  if (last !== '' && Number(last) < from) return undefined;
  return { from, to: last === '' ? size : Math.min(size, Number(last) + 1) };
}
