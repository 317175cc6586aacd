import { parseDurationMs } from '../../contract/duration.ts';
import type { Exchange } from '../../http1/types.ts';
import type { WatchdogConfig } from '../config.ts';
import { timeLimits } from '../time-limits.ts';

/** The longest a call may take. */
export interface CallLimit {
  readonly name: 'exec_timeout' | 'write_timeout' | 'X-Timeout';
  readonly ms: number;
}

/** The limit of calls that ask for none of their own. Undefined: none. */
export function configuredLimit(config: WatchdogConfig): CallLimit | undefined {
  const limits = timeLimits(config);
  return limits[limits.length - 1];
}

/** Answers that may have no end: events, lines, upgraded connections. No time limit holds for them. */
export function isStreaming(exchange: Exchange): boolean {
  const accept = exchange.header('accept');
  if (accept !== undefined && accept !== '*/*') {
    const types = accept.toLowerCase();
    if (types.includes('text/event-stream') || types.includes('application/x-ndjson')) return true;
  }
  return exchange.header('upgrade')?.toLowerCase() === 'websocket';
}

/**
 * The limit that `X-Timeout` asks for: one longer than `exec_timeout` has no effect, nor has any where there is no `exec_timeout`.
 * @throws {Error} unless it is a duration above 0
 */
export function requestedLimit(
  text: string,
  configured: CallLimit | undefined,
  { execTimeoutMs }: WatchdogConfig,
): CallLimit | undefined {
  if (execTimeoutMs === 0) return configured;
  const ms = parseDurationMs(text);
  if (ms <= 0) throw new Error('expected a duration above 0 such as 1s');
  return ms <= execTimeoutMs && ms < (configured?.ms ?? Number.POSITIVE_INFINITY)
    ? { name: 'X-Timeout', ms }
    : configured;
}
