// Heads as RFC 9112 and our strictness define them, read line by line with regular expressions: slow, and short enough to be
// checked against the RFC by eye. What the real parsers say is held against it.

export interface ReferenceHead {
  readonly isValid: true;
  /** Method, target and version; or version, status and reason. */
  readonly start: readonly string[];
  readonly headers: readonly string[];
  /** -1: chunked; undefined: nothing is said. */
  readonly length: number | undefined;
  readonly keepAlive: boolean;
}

export type Reading =
  | ReferenceHead
  /** `statuses`: what the sender may be told; more than one when several rules are broken. */
  | { readonly isValid: false; readonly statuses: ReadonlySet<number> };

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD = new RegExp(`^(${TOKEN}):[ \\t]*(.*?)[ \\t]*$`, 's');
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const HOST = /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]*$/;

/** @param text a head in latin1 with the empty line that ends it */
export function readRequest(text: string, headerCount: number): Reading {
  const [first = '', ...lines] = text.slice(0, -4).split('\r\n');
  const wrong = new Set<number>();
  const [, method = '', target = '', version = ''] = /^([^ ]+) ([^ ]+) (.+)$/s.exec(first) ?? [];
  if (!new RegExp(`^${TOKEN}$`).test(method)) wrong.add(400);
  if (!/^[\x21\x22\x24-\x7e]+$/.test(target)) wrong.add(400);
  if (/^HTTP\/[0-9]\.[0-9]$/.test(version)) {
    if (!/^HTTP\/1\.[01]$/.test(version)) wrong.add(505);
  } else wrong.add(400);
  if (method === 'CONNECT') wrong.add(501);
  const isOrigin = target.startsWith('/');
  if (!isOrigin && !(target === '*' && method === 'OPTIONS') && !/^https?:\/\/[^/?]/i.test(target))
    wrong.add(400);

  const headers = readFields(lines, wrong);
  if (headers.length > headerCount * 2) wrong.add(431);
  const hosts = valuesOf(headers, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && version === 'HTTP/1.1')) wrong.add(400);
  if (hosts.some((host) => !HOST.test(host))) wrong.add(400);
  const expectation = valuesOf(headers, 'expect')
    .filter((value) => value !== '')
    .join(', ');
  if (version === 'HTTP/1.1' && expectation !== '' && expectation.toLowerCase() !== '100-continue')
    wrong.add(417);
  const length = readLength(headers, version, wrong);
  if (wrong.size > 0) return { isValid: false, statuses: wrong };
  return {
    isValid: true,
    start: [method, target, version],
    headers,
    length,
    keepAlive: keepsAlive(headers, version),
  };
}

/** @param text a head in latin1 with the empty line that ends it */
export function readResponse(text: string): Reading {
  const [first = '', ...lines] = text.slice(0, -4).split('\r\n');
  const wrong = new Set<number>();
  const [, version = '', status = '', reason = ''] =
    /^(HTTP\/1\.[01]) ([1-9][0-9]{2})(?: (.*))?$/s.exec(first) ?? [];
  if (version === '' || !VALUE.test(reason)) wrong.add(502);
  const headers = readFields(lines, wrong);
  if (headers.length > 1024 * 2) wrong.add(431);
  const length = readLength(headers, version, wrong);
  if (wrong.size > 0) return { isValid: false, statuses: wrong };
  return {
    isValid: true,
    start: [version, status, reason],
    headers,
    length,
    keepAlive: keepsAlive(headers, version),
  };
}

function readFields(lines: readonly string[], wrong: Set<number>): string[] {
  return lines.flatMap((line) => {
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === undefined || !VALUE.test(value)) {
      wrong.add(400);
      return [];
    }
    return [name, value];
  });
}

function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
}

function readLength(headers: readonly string[], version: string, wrong: Set<number>): number | undefined {
  const codings = valuesOf(headers, 'transfer-encoding');
  const lengths = valuesOf(headers, 'content-length');
  if (codings.length > 0) {
    if (lengths.length > 0 || version !== 'HTTP/1.1') wrong.add(400);
    if (codings.length === 1 && codings[0]?.toLowerCase() === 'chunked') return -1;
    wrong.add(400).add(501);
    return undefined;
  }
  const [length] = lengths;
  if (length === undefined) return undefined;
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(length)) wrong.add(400);
  return Number(length);
}

function keepsAlive(headers: readonly string[], version: string): boolean {
  const words = valuesOf(headers, 'connection').flatMap((value) =>
    value.split(',').map((word) => word.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase()),
  );
  return !words.includes('close') && (version === 'HTTP/1.1' || words.includes('keep-alive'));
}
