const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const GO_DURATION = /^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/;
const GO_PART = /(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g;

/**
 * A whole number of seconds (`90`) or a Go duration (`1m30s`), in milliseconds.
 * @throws {Error} for anything else, negative values included
 */
export function parseDurationMs(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!GO_DURATION.test(text)) {
    throw new Error('expected a duration such as 30s, 1m30s or a number of seconds');
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(GO_PART)) {
    total += Number(amount) * (MS_PER_UNIT[unit ?? ''] ?? Number.NaN);
  }
  return total;
}

/** @throws {Error} unless `text` is a whole number that is not negative */
export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error('expected a whole number, 0 or more');
  return Number(text);
}

/** @throws {Error} unless `text` is exactly `true` or `false` */
export function parseFlag(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Error('expected true or false');
  return text === 'true';
}
