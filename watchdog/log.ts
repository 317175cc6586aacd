import { writeSync } from 'node:fs';

const MOST_PENDING_CHARACTERS = 1_048_576;

let pending = '';
let isScheduled = false;
let stampSecond = 0;
let stamp = '';

/** Writes one line to stderr the way Go's standard logger does: `2026/01/02 15:04:05 message`. */
export function log(message: string): void {
  if (pending.length > MOST_PENDING_CHARACTERS) return; // nobody reads our stderr: dropping lines beats growing
  const now = Date.now();
  if (now - (now % 1000) !== stampSecond) {
    stampSecond = now - (now % 1000);
    stamp = goTimestamp(new Date(now));
  }
  add(`${stamp} ${message}\n`);
}

/** Writes one line to stderr as it is, in order with the others. */
export function logBare(line: string): void {
  if (pending.length <= MOST_PENDING_CHARACTERS) add(`${line}\n`);
}

function add(text: string): void {
  pending += text;
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(flushLog);
}

/** Writes what is still held back; to be called before the process ends. */
export function flushLog(): void {
  isScheduled = false;
  if (pending === '') return;
  const text = pending;
  pending = '';
  try {
    writeFully(2, Buffer.from(text));
  } catch {
    // stderr is closed: there is nowhere left to tell it.
  }
}

/** Writes raw bytes to the container's stdout. */
export function writeStdout(bytes: Uint8Array): void {
  try {
    writeFully(1, bytes);
  } catch {
    // stdout is closed: the debug output has no reader.
  }
}

function writeFully(fd: number, bytes: Uint8Array): void {
  let from = 0;
  let retries = 0;
  while (from < bytes.length) {
    try {
      from += writeSync(fd, bytes, from);
      retries = 0;
    } catch (error) {
      // A pipe in non-blocking mode that its reader has not emptied: a short wait, then the rest is given up.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++retries > 50) throw error;
      Bun.sleepSync(2);
    }
  }
}

/** `YYYY/MM/DD HH:MM:SS` in local time. */
export function goTimestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
