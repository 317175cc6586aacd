import type { Exchange } from '../http1/types.ts';
import { log } from './log.ts';

export interface AccessEntry {
  /** `200` where a process is forked, `200 OK` in mode `http`. */
  readonly status: string;
  /** Of the answer's body; -1 where nobody knows. */
  readonly bytes: number;
  readonly seconds: number;
  /** End the line with the call id (`log_callid`). */
  readonly withCallId: boolean;
}

/** One line per call, as of-watchdog writes it; none for the probes of an orchestrator. */
export function logAccess(exchange: Exchange, { status, bytes, seconds, withCallId }: AccessEntry): void {
  if (exchange.header('user-agent')?.startsWith('kube-probe')) return;
  const { method, target } = exchange.request;
  const id = withCallId ? ` [${exchange.header('x-call-id') || 'none'}]` : '';
  log(`${method} ${target} - ${status} - ContentLength: ${humanSize(bytes)} (${seconds.toFixed(4)}s)${id}`);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Four significant digits, in powers of 1000: `39B`, `1.536kB`, `1.074GB`. */
function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${Number(size.toPrecision(4))}${UNITS[unit]}`;
}
