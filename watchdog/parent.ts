import { type FromWatchdog, WATCHDOG_ROLE } from '../contract/watchdog-role.ts';

/** The process that a watchdog belongs to when it is no container's first one. */
export interface Parent {
  tell(message: FromWatchdog): void;
  /** Calls back once, when the parent has gone. */
  onGone(listener: () => void): void;
}

/** @throws {Error} when there is no channel to the process that started this one */
export function findParent(): Parent {
  if (process.send === undefined || !process.connected) {
    throw new Error(`${WATCHDOG_ROLE} is how skep dev starts the watchdogs of functions: it is no command`);
  }
  return {
    tell: (message) => {
      try {
        process.send?.(message);
      } catch {
        // It has gone: that is told in its own way.
      }
    },
    onGone: (listener) => {
      process.once('disconnect', listener);
      if (!process.connected) listener();
    },
  };
}
