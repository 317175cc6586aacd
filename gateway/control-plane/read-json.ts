import type { IncomingMessage } from 'node:http';
import { ContractError } from '../../contract/contract-error.ts';
import { parseJson } from '../../contract/parse-json.ts';
import { FaasError } from '../errors.ts';

const LIMIT_BYTES = 1024 * 1024;

/**
 * Reads a request's body as JSON.
 * @throws {FaasError} `body_too_large` beyond 1 MiB
 * @throws {ContractError} for what is not JSON in UTF-8
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > LIMIT_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LIMIT_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  if (length === 0) throw new ContractError('the body is empty: expected JSON');
  return parseJson(decode(Buffer.concat(chunks)));
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ContractError('the body is not valid UTF-8', { cause });
  }
}

function tooLarge(): FaasError {
  return new FaasError('body_too_large', `the body is larger than ${LIMIT_BYTES} bytes`);
}
