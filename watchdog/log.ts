import { containerStderr, containerStdout } from './container-output.ts';

const MOST_QUEUED_BYTES = 1_048_576;

let pending = '';
let isScheduled = false;
let stampSecond = 0;
let stamp = '';

/** Writes one line to stderr the way Go's standard logger does: `2026/01/02 15:04:05 message`. */
export function log(message: string): void {
  if (containerStderr.queuedBytes > MOST_QUEUED_BYTES) return; // nobody reads our stderr: dropping lines beats growing
  pending += `${goTimestampNow()} ${message}\n`;
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(flushLog);
}

/** Hands over what is still held back. */
export function flushLog(): void {
  isScheduled = false;
  if (pending === '') return;
  const text = pending;
  pending = '';
  void containerStderr.write(text);
}

/** Settled when the log is out or its reader had `withinMs` to take it: the last thing before the process ends. */
export async function logWritten(withinMs: number): Promise<void> {
  flushLog();
  await Promise.all([containerStdout.flushed(withinMs), containerStderr.flushed(withinMs)]);
}

/** {@link goTimestamp} of now, made once a second. */
export function goTimestampNow(): string {
  const now = Date.now();
  if (now - (now % 1000) !== stampSecond) {
    stampSecond = now - (now % 1000);
    stamp = goTimestamp(new Date(now));
  }
  return stamp;
}

/** `YYYY/MM/DD HH:MM:SS` in local time. */
function goTimestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
