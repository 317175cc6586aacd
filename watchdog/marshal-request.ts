import type { RequestHead } from '../http1/types.ts';
import { canonicalHeaderName } from './cgi-env.ts';

/** `{"header": {"Name": ["v", …]}, "body": {"raw": "<base64>"}}`, the stdin of a process under `marshal_request`. */
export function marshalRequest({ headers }: RequestHead, body: Buffer): Buffer {
  const header = new Map<string, string[]>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = canonicalHeaderName(headers[i] ?? '');
    if (name === 'Host' || name === 'Transfer-Encoding') continue;
    const value = headers[i + 1] ?? '';
    const values = header.get(name);
    if (values === undefined) header.set(name, [value]);
    else values.push(value);
  }
  return Buffer.from(
    JSON.stringify({ header: Object.fromEntries(header), body: { raw: body.toString('base64') } }),
  );
}
