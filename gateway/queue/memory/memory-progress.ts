import type { KeptProgress, ProgressStore, StoredProgress } from '../../schedules/schedule-progress.ts';

/** How far schedules have come, for as long as this process lives. */
export class MemoryProgress implements ProgressStore {
  readonly #progress = new Map<string, StoredProgress>();
  #revision = 0;

  async all(): Promise<Map<string, StoredProgress>> {
    return new Map(this.#progress);
  }

  async write(key: string, progress: KeptProgress, seen: number): Promise<number | 'conflict'> {
    if (seen !== (this.#progress.get(key)?.revision ?? 0)) return 'conflict';
    this.#revision += 1;
    this.#progress.set(key, { ...progress, revision: this.#revision });
    return this.#revision;
  }

  async remove(key: string): Promise<void> {
    this.#progress.delete(key);
  }
}
