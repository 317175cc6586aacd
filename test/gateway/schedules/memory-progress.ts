import type {
  KeptProgress,
  ProgressStore,
  StoredProgress,
} from '../../../gateway/schedules/schedule-progress.ts';

/** What several schedulers share, kept in memory. */
export class MemoryProgress implements ProgressStore {
  readonly records = new Map<string, StoredProgress>();
  /** What every question is answered with, while it is set. */
  failure: Error | undefined;
  #revision = 0;

  async all(): Promise<Map<string, StoredProgress>> {
    this.#check();
    return new Map(this.records);
  }

  async write(key: string, progress: KeptProgress, seen: number): Promise<number | 'conflict'> {
    this.#check();
    if ((this.records.get(key)?.revision ?? 0) !== seen) return 'conflict';
    this.#revision += 1;
    this.records.set(key, { ...progress, revision: this.#revision });
    return this.#revision;
  }

  async remove(key: string): Promise<void> {
    this.#check();
    this.records.delete(key);
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
