/** What the platform tells of calls by now, by their ids. */
export async function statesOf(
  ids: readonly string[],
  ask: (path: string) => Promise<Response>,
): Promise<ReadonlyMap<string, string>> {
  const states = new Map<string, string>();
  const left = [...ids];
  const askOn = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const answer = await ask(`/system/calls/${encodeURIComponent(id)}`);
      states.set(id, answer.ok ? stateIn(await answer.json()) : `${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, askOn));
  return states;
}

/** How many are in which. */
export function countOf(states: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function stateIn(record: unknown): string {
  const { state, status } = record as { state?: unknown; status?: unknown };
  return String(state ?? status);
}
