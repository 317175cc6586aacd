import type { BuildProgress } from '../../contract/function-types.ts';

/** Clients read lines of at most 64 KiB. */
const LINE_BYTES = 60_000;

/** Progress as ndjson: one line, or several where its log is long; each stays under 64 KiB. */
export function progressLines(progress: BuildProgress): string {
  const whole = toLine(progress);
  if (Buffer.byteLength(whole) <= LINE_BYTES) return whole;
  const { log, error, ...rest } = progress;
  const parts = log.flatMap((entry) => cut(entry, LINE_BYTES / 12));
  const lines = parts.map((part) => toLine({ log: [part], image: progress.image, status: 'in_progress' }));
  const [reason] = error === undefined ? [] : cut(error, LINE_BYTES / 12);
  return lines.join('') + toLine({ ...rest, log: [], ...(reason !== undefined && { error: reason }) });
}

/** A character takes at most six bytes in JSON (`\u001b`), so a twelfth of the limit leaves half of it for the rest. */
function cut(text: string, length: number): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; start += length) parts.push(text.slice(start, start + length));
  return parts;
}

function toLine(progress: BuildProgress): string {
  return `${JSON.stringify(progress)}\n`;
}
