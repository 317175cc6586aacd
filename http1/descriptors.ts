import { readFileSync } from 'node:fs';

/**
 * How many descriptors this process may have open at a time; infinite where that is not known. A listener that cannot accept for want of
 * one is asked to again and again, so who listens takes no more connections than there are descriptors for them and their calls.
 * @param limitsText `/proc/self/limits`
 */
export function descriptorLimit(limitsText: string = ownLimits()): number {
  const [, soft] = /^Max open files\s+(\d+)\s/m.exec(limitsText) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Empty where there is no /proc. */
function ownLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}
