/** What a client may compare with. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Whole seconds since 1970, as `Last-Modified` tells them. */
  readonly modifiedSeconds: number;
}

type HeaderLookup = (lowerCaseName: string) => string | undefined;

/** Whether a request's conditions let the file be sent (RFC 9110 13.2.2). */
export function checkConditions(
  { etag, modifiedSeconds }: Validators,
  method: string,
  header: HeaderLookup,
): 'send' | 'not_modified' | 'precondition_failed' {
  const ifMatch = header('if-match');
  const unmodifiedSince = seconds(header('if-unmodified-since'));
  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, etag, false)) return 'precondition_failed';
  } else if (unmodifiedSince !== undefined && modifiedSeconds > unmodifiedSince) return 'precondition_failed';

  const isRead = method === 'GET' || method === 'HEAD';
  const ifNoneMatch = header('if-none-match');
  if (ifNoneMatch !== undefined) {
    if (!listMatches(ifNoneMatch, etag, true)) return 'send';
    return isRead ? 'not_modified' : 'precondition_failed';
  }
  const modifiedSince = seconds(header('if-modified-since'));
  return isRead && modifiedSince !== undefined && modifiedSeconds <= modifiedSince ? 'not_modified' : 'send';
}

/** Whether `Range` counts: `If-Range` is absent or names this very version. */
export function rangeCounts({ etag, modifiedSeconds }: Validators, header: HeaderLookup): boolean {
  const ifRange = header('if-range');
  if (ifRange === undefined) return true;
  if (/^\s*(?:W\/)?"/.test(ifRange)) return ifRange.trim() === etag;
  return seconds(ifRange) === modifiedSeconds;
}

/** @param isWeak `W/"x"` matches `"x"` */
function listMatches(list: string, etag: string, isWeak: boolean): boolean {
  if (list.trim() === '*') return true;
  const tags = list.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => (isWeak ? tag.replace(/^W\//, '') : tag) === etag);
}

/** Undefined for what is no date: such a condition does not count. */
function seconds(date: string | undefined): number | undefined {
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
