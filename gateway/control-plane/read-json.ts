import type { IncomingMessage } from 'node:http';
import { ContractError } from '../../contract/contract-error.ts';
import { parseJson } from '../../contract/parse-json.ts';
import { FaasError } from '../errors.ts';

const LIMIT_BYTES = 1024 * 1024;

/**
 * Reads a request's body as JSON.
 * @param limitBytes default 1 MiB
 * @throws {FaasError} `body_too_large` beyond it
 * @throws {ContractError} for what is not JSON in UTF-8, or is compressed; a byte order mark is passed over
 */
export async function readJson(request: IncomingMessage, limitBytes = LIMIT_BYTES): Promise<unknown> {
  const text = await readText(request, limitBytes);
  if (text === '') throw new ContractError('the body is empty: expected JSON');
  return parseJson(text);
}

/** The body as text, possibly empty. Throws as `readJson` does, but knows nothing of JSON. */
export async function readText(request: IncomingMessage, limitBytes = LIMIT_BYTES): Promise<string> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ContractError(
      `Content-Encoding: ${encoding.slice(0, 50)} is not read here: send the body as it is`,
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  return decode(Buffer.concat(chunks));
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ContractError('the body is not valid UTF-8', { cause });
  }
}

function tooLarge(limitBytes: number): FaasError {
  return new FaasError('body_too_large', `the body is larger than ${limitBytes} bytes`);
}
