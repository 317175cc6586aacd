import { parseDurationMs } from '../../contract/duration.ts';

const DEFAULT_MS = 30_000;

/**
 * How long a replica may take to stop: its watchdog's `healthcheck_interval` (default: `write_timeout`)
 * and then `write_timeout` (default 30 s), so that work in flight can finish. As in the watchdog, a value that cannot be
 * read counts as absent.
 */
export function stopGraceMs(env: Readonly<Record<string, string>>): number {
  const writeMs = readMs(env['write_timeout']) ?? DEFAULT_MS;
  const healthMs = readMs(env['healthcheck_interval']) ?? writeMs;
  return writeMs + healthMs;
}

function readMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return parseDurationMs(text);
  } catch {
    return undefined; // The watchdog falls back in the same way: the grace must be the one it will use.
  }
}
