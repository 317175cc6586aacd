import { descriptorLimit } from '../http1/descriptors.ts';
import type { WatchdogConfig } from './config.ts';

/** Descriptors that are open while no call is, with some to spare for the metrics. */
const RESERVED = 16;
/** A relayed call, or a file that is sent, takes two descriptors: its connection and one more. */
const FOR_A_RELAYED_CALL = 3;
/** A process has up to three pipes, of which both ends are open for a moment. */
const FOR_A_PROCESS = 5;
/** A process that waits for its request has up to seven. */
const FOR_A_WAITING_PROCESS = 7;
const LEAST = 4;

/**
 * How many connections are taken at a time, so that descriptors are left for their calls: a listener that cannot accept for
 * want of one would be asked to again and again.
 * @param limitsText `/proc/self/limits`; read when not given
 */
export function mostConnections(
  { mode, prefork }: Pick<WatchdogConfig, 'mode' | 'prefork'>,
  limitsText?: string,
): number {
  const perCall = mode === 'http' || mode === 'static' ? FOR_A_RELAYED_CALL : FOR_A_PROCESS;
  const reserved = RESERVED + prefork * FOR_A_WAITING_PROCESS;
  return Math.max(LEAST, Math.floor((descriptorLimit(limitsText) - reserved) / perCall));
}
