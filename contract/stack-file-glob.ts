/** The parts of a shell pattern: literal text, `?` for one character, `*` for any run. */
type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'run' };

function parsePattern(pattern: string): Piece[] {
  return (pattern.match(/\*+|\?|[^*?]+/g) ?? []).map((part) =>
    part.startsWith('*') ? { kind: 'run' } : part === '?' ? { kind: 'one' } : { kind: 'text', text: part },
  );
}

/** Every length at which the pieces can match from the start of `value`; polynomial, whatever the pattern. */
function matchingLengths(value: string, pieces: readonly Piece[]): number[] {
  let ends = new Set([0]);
  for (const piece of pieces) {
    const next = new Set<number>();
    for (const end of ends) {
      if (piece.kind === 'run') {
        for (let length = end; length <= value.length; length += 1) {
          if (next.has(length)) break;
          next.add(length);
        }
      } else if (piece.kind === 'one') {
        if (end < value.length) next.add(end + 1);
      } else if (value.startsWith(piece.text, end)) {
        next.add(end + piece.text.length);
      }
    }
    ends = next;
  }
  return [...ends];
}

const reverse = (text: string): string => [...text].reverse().join('');

/**
 * How much of `value`, from its start or its end, the shell pattern (`*`, `?`) matches at the least and at the most.
 * @returns lengths in UTF-16 units; 0 and 0 when nothing matches
 */
export function shortestAndLongest(
  value: string,
  pattern: string,
  at: 'start' | 'end',
): { shortest: number; longest: number } {
  const lengths =
    at === 'start'
      ? matchingLengths(value, parsePattern(pattern))
      : matchingLengths(reverse(value), parsePattern(reverse(pattern)));
  if (lengths.length === 0) return { shortest: 0, longest: 0 };
  return {
    shortest: lengths.reduce((a, b) => Math.min(a, b)),
    longest: lengths.reduce((a, b) => Math.max(a, b)),
  };
}

/** Whether the whole of `name` matches a `--filter`, in which only `*` is special. */
export function matchesFilter(name: string, filter: string): boolean {
  const pieces = (filter.match(/\*+|[^*]+/g) ?? []).map(
    (part): Piece => (part.startsWith('*') ? { kind: 'run' } : { kind: 'text', text: part }),
  );
  return matchingLengths(name, pieces).includes(name.length);
}
