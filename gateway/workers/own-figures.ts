import type { WorkerFigures } from '../metrics/worker-metrics.ts';

const TICK_MS = 100;

/** What a process can tell of itself. */
export class OwnFigures {
  #lagMs = 0;
  #dueAt = performance.now() + TICK_MS;

  constructor() {
    setInterval(() => {
      const now = performance.now();
      this.#lagMs = Math.max(this.#lagMs, now - this.#dueAt);
      this.#dueAt = now + TICK_MS;
    }, TICK_MS).unref();
  }

  /** The longest lag is the longest since this was called last. */
  take(): Pick<WorkerFigures, 'residentBytes' | 'cpuSeconds' | 'lagSeconds'> {
    const lagSeconds = Math.max(0, this.#lagMs) / 1000;
    this.#lagMs = 0;
    const { user, system } = process.cpuUsage();
    return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, lagSeconds };
  }
}
