import type { TableChanges } from '../data-plane/table-changes.ts';
import type { DrainTimes } from './messages.ts';

/** Those who serve clients, as the control process knows them. */
export interface Workers {
  /** Whether clients can be served. */
  readonly isServing: boolean;
  /** Lets them listen. Resolves when all do. @throws {Error} when one cannot */
  begin(): Promise<void>;
  /** Tells them what has changed. */
  tell(changes: TableChanges): void;
  /** Resolves when all that was told holds wherever clients are served; soon, whatever comes of it. */
  sync(): Promise<void>;
  /** Resolves with how many there are when all of them answer. @throws {Error} that says how many do not */
  look(): Promise<string>;
  /** Resolves when all have reported anew; soon, whatever they do. @returns whether all that serve have */
  count(): Promise<boolean>;
  /** Serves on for a while, finishes what is held, and ends. Resolves with the number of calls that were cut off. */
  drain(times: DrainTimes): Promise<number>;
}
