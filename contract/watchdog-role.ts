/**
 * First argument of a program that is a watchdog among other things: `skep __watchdog FOLDER`. Such a watchdog belongs to the process
 * that started it: it runs in that folder, listens on free ports of the loopback interface alone, has no lock file, tells over its channel (`ipc`,
 * JSON) where it listens and whom it has started, and ends when the channel closes: its parent has gone, however that came.
 */
export const WATCHDOG_ROLE = '__watchdog';

/** What such a watchdog tells. */
export type FromWatchdog =
  | { readonly kind: 'listening'; readonly port: number; readonly metricsPort: number }
  /** A group of processes that is to end with it, and one that need not any more. */
  | { readonly kind: 'group' | 'group_gone'; readonly leader: number };
