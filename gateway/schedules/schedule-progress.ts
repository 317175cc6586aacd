import type { Progress } from './ticks.ts';

/** How far a function's schedule has been worked off, as it is kept. */
export interface KeptProgress extends Progress {
  /** Of which schedule of which function: what was deployed anew, or has another schedule, begins anew. */
  readonly of: string;
}

export interface StoredProgress extends KeptProgress {
  /** Of the record, for the next write. */
  readonly revision: number;
}

/** Where schedulers that follow one another keep how far they have come. Each of these @throws {Error} when it does not answer */
export interface ProgressStore {
  /** By `name.namespace`. */
  all(): Promise<Map<string, StoredProgress>>;
  /**
   * @param seen the revision that is to be replaced, 0: there is none
   * @returns the new revision, or `conflict`: another one has written
   */
  write(key: string, progress: KeptProgress, seen: number): Promise<number | 'conflict'>;
  remove(key: string): Promise<void>;
}
