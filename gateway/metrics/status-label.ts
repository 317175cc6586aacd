import { STATUS_CODES } from 'node:http';

/** Not a standard code, but one of ours: the client left before it was answered. */
const CLIENT_GONE = 499;
const HIGHEST = 999;

/**
 * What each status is counted as: a standard code as itself, any other by its first digit, so that a function that makes up codes
 * does not make up series.
 */
const COUNTED_AS: readonly number[] = Array.from({ length: HIGHEST + 1 }, (_, status) =>
  status in STATUS_CODES || status === CLIENT_GONE ? status : Math.floor(status / 100),
);

/** A number that stands for the value of the label `code`; below 10 it is a first digit. */
export function countedAs(status: number): number {
  return COUNTED_AS[status] ?? 0;
}

/** The label's value: `404`, or `4xx` for what is not standard. */
export function statusLabel(counted: number): string {
  return counted < 10 ? `${counted}xx` : String(counted);
}
