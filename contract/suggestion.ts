/** Further away it is another word. */
const MOST_EDITS = 2;
const LONGEST = 64;

/** The known word that was most likely meant, e.g. `environment` by `enviroment`; undefined when none is near. */
export function suggestionFor(text: string, known: readonly string[]): string | undefined {
  if (text.length > LONGEST) return undefined;
  const normal = text.toLowerCase().replaceAll(/[-_\s]/g, '');
  const same = known.find((word) => word.toLowerCase().replaceAll(/[-_\s]/g, '') === normal);
  if (same !== undefined) return same;
  const distances = known.map((word) => ({
    word,
    edits: editsBetween(text.toLowerCase(), word.toLowerCase()),
  }));
  const [nearest] = distances.toSorted((a, b) => a.edits - b.edits);
  if (nearest === undefined) return undefined;
  return nearest.edits <= Math.min(MOST_EDITS, Math.floor(text.length / 3)) ? nearest.word : undefined;
}

/** Insertions, deletions, replacements, and swaps of neighbours (Damerau and Levenshtein). */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
