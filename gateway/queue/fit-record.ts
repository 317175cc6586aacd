import type { CallRecord } from './call.ts';
import { keptHeaders } from './kept-headers.ts';
import { storedBytes } from './stored-size.ts';

const BRIEF_BYTES = 100;
const QUOTES = 2;
const BYTES_OF_LONGEST = 6;

/**
 * As much of a record as can be stored: of what is too long, first the reasons of attempts are cut short, then the longest headers of the
 * answer are left out, then the oldest attempts.
 * @param most bytes as stored; what a record must have takes less, and is returned whatever it takes
 */
export function fitRecord(record: CallRecord, most: number): CallRecord {
  if (storedBytes(record) <= most) return record;
  let fitted = withBriefReasons(record);
  const { result } = fitted;
  if (result !== undefined) {
    const others = storedBytes({ ...fitted, result: { ...result, headers: [] } }) - storedBytes([]);
    fitted = { ...fitted, result: { ...result, headers: keptHeaders(result.headers, most - others) } };
  }
  while (fitted.attempts.length > 0 && storedBytes(fitted) > most)
    fitted = { ...fitted, attempts: fitted.attempts.slice(1) };
  return fitted;
}

/** What no store refuses for its length. */
export function bareRecord(record: CallRecord): CallRecord {
  const { result } = record;
  return {
    ...withBriefReasons(record),
    attempts: [],
    ...(result !== undefined && { result: { ...result, headers: [] } }),
  };
}

/** @returns the beginning of a text, of at most so many bytes as stored */
export function brief(text: string, most = BRIEF_BYTES): string {
  let length = text.length;
  for (;;) {
    const over = storedBytes(text.slice(0, length)) - QUOTES - most;
    if (over <= 0 || length === 0) return text.slice(0, length);
    // So many are too many, however long each of them is.
    length -= Math.min(length, Math.ceil(over / BYTES_OF_LONGEST));
  }
}

function withBriefReasons(record: CallRecord): CallRecord {
  const { reason } = record;
  return {
    ...record,
    attempts: record.attempts.map(({ error, ...attempt }) =>
      error === undefined ? attempt : { ...attempt, error: brief(error) },
    ),
    ...(reason !== undefined && { reason: brief(reason) }),
  };
}
