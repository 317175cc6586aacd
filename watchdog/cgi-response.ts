import type { RawHeaders } from '../http1/types.ts';

/** Longest response head a process may write. */
const CGI_HEAD_BYTES = 65_536;

export interface CgiResponse {
  readonly status: number;
  readonly reason?: string;
  /** Everything but `Status`. */
  readonly headers: RawHeaders;
  /** Where the body begins in the output. */
  readonly bodyStart: number;
}

/** Fields that frame the message or belong to one connection: the watchdog writes them, not the function. */
const RESERVED = new Set([
  'connection', 'content-length', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
]); // biome-ignore format: a table
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const STATUS = /^([2-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/**
 * Reads the head that a process wrote before its body (RFC 3875, section 6): `Status: 201 Created`, `Content-Type: …`,
 * other fields, an empty line; lines end in LF or CRLF. Without `Status` it is 200, or 302 with a `Location`.
 * @throws {Error} saying what is wrong with the head
 */
export function parseCgiResponse(output: Buffer): CgiResponse {
  const lines: string[] = [];
  let at = 0;
  for (;;) {
    const end = output.indexOf(0x0a, at);
    if (end === -1 || end > CGI_HEAD_BYTES) {
      throw new Error(
        end > CGI_HEAD_BYTES || output.length > CGI_HEAD_BYTES
          ? `its head is longer than ${CGI_HEAD_BYTES} bytes`
          : `it ended before the empty line that ends its head (${preview(output)})`,
      );
    }
    const line = output.toString('latin1', at, end > at && output[end - 1] === 0x0d ? end - 1 : end);
    at = end + 1;
    if (line === '') break;
    lines.push(line);
  }
  if (lines.length === 0)
    throw new Error('its head has no field: write at least Content-Type, Status or Location');
  let status: number | undefined;
  let reason: string | undefined;
  let hasLocation = false;
  const headers: string[] = [];
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (name === undefined || value === undefined || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
      throw new Error(`${JSON.stringify(line.slice(0, 80))} is not a header field`);
    }
    const lower = name.toLowerCase();
    if (lower === 'status') {
      if (status !== undefined) throw new Error('it has two Status fields');
      const [, code, phrase] = STATUS.exec(value) ?? [];
      if (code === undefined)
        throw new Error(`Status ${JSON.stringify(value)} is not a code from 200 to 599`);
      status = Number(code);
      if (phrase) reason = phrase;
      continue;
    }
    if (RESERVED.has(lower))
      throw new Error(`${name} is not a function's to set: the watchdog frames the answer`);
    if (lower === 'location') hasLocation = true;
    headers.push(name, value);
  }
  status ??= hasLocation ? 302 : 200;
  return { status, ...(reason === undefined ? {} : { reason }), headers, bodyStart: at };
}

function preview(output: Buffer): string {
  return output.length === 0
    ? 'no output at all'
    : `output begins ${JSON.stringify(output.toString('utf8', 0, 40))}`;
}
