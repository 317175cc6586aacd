import type { LogMessage } from './log-lines.ts';

interface Head {
  readonly source: number;
  readonly message: LogMessage;
}

/** Several logs that are each in order of time, as one; equal times in the order of the logs. */
export async function* mergeLogs(
  logs: readonly AsyncIterator<LogMessage>[],
): AsyncGenerator<{ readonly source: number; readonly message: LogMessage }> {
  const heads: Head[] = [];
  const pull = async (source: number): Promise<void> => {
    const next = await logs[source]?.next();
    if (next !== undefined && !next.done) heads.push({ source, message: next.value });
  };
  for (const source of logs.keys()) await pull(source);
  for (;;) {
    heads.sort(
      (a, b) =>
        toSortable(a.message.timestamp).localeCompare(toSortable(b.message.timestamp)) || a.source - b.source,
    );
    const first = heads.shift();
    if (first === undefined) return;
    yield first;
    await pull(first.source);
  }
}

/** A time as text that sorts to the nanosecond, which `Date.parse` cuts off. */
export function toSortable(timestamp: string): string {
  const [, fraction = ''] = /\.(\d+)/.exec(timestamp) ?? [];
  const seconds = Math.floor(Date.parse(timestamp) / 1000);
  return `${String(seconds).padStart(12, '0')}.${fraction.padEnd(9, '0')}`;
}
