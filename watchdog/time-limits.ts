import type { WatchdogConfig } from './config.ts';
import type { TimeLimitName } from './outcome.ts';

/** What ends a process; of two limits only the one that comes first. */
export function timeLimits({
  execTimeoutMs,
  writeTimeoutMs,
}: Pick<WatchdogConfig, 'execTimeoutMs' | 'writeTimeoutMs'>): { name: TimeLimitName; ms: number }[] {
  const limits: ReturnType<typeof timeLimits> = [];
  if (execTimeoutMs > 0) limits.push({ name: 'exec_timeout', ms: execTimeoutMs });
  if (writeTimeoutMs > 0 && (execTimeoutMs === 0 || writeTimeoutMs < execTimeoutMs)) {
    limits.push({ name: 'write_timeout', ms: writeTimeoutMs });
  }
  return limits;
}
