import type { Exchange } from '../../http1/types.ts';
import type { FaasError } from '../errors.ts';

/**
 * Answers with why nothing is served, as the gateway's own word.
 * @param more further header fields: `[name, value, …]`
 */
export function refuse(exchange: Exchange, failure: FaasError, more: readonly string[] = []): void {
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'X-OpenFaaS-Internal',
    'gateway',
    'X-Skep-Error',
    failure.code,
    ...more,
  ];
  if (failure.status === 503 || failure.status === 429) {
    headers.push('Retry-After', String(failure.retryAfterSeconds ?? 1));
  }
  exchange.respond({ status: failure.status, headers }, `${failure.message}\n`);
}
