/** Who asks for more patience than this is asked again earlier. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * How long a `Retry-After` asks to wait.
 * @param nowMs milliseconds since 1970, for one that is a date
 * @returns undefined: there is none, or none that can be read
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS);
  // Nothing but the forms of a date in HTTP (RFC 9110 5.6.7): others would be read as many things.
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - nowMs, 0), LONGEST_MS);
}
