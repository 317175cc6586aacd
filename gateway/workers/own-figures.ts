import type { WorkerFigures } from '../metrics/worker-metrics.ts';

const TICK_MS = 100;
/** So long a lag is told of: longer than any usual time between two scrapes. */
const REMEMBERED_MS = 15_000;

/** What a process can tell of itself. */
export class OwnFigures {
  readonly #lags: { readonly atMs: number; readonly lagMs: number }[] = [];
  #dueAt = performance.now() + TICK_MS;

  constructor() {
    setInterval(() => this.#tick(performance.now()), TICK_MS).unref();
  }

  get(): Pick<WorkerFigures, 'residentBytes' | 'cpuSeconds' | 'lagSeconds'> {
    const { user, system } = process.cpuUsage();
    return {
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      lagSeconds: (this.#lags[0]?.lagMs ?? 0) / 1000,
    };
  }

  /** Keeps the lags that are longer than every later one: the first is the longest. */
  #tick(now: number): void {
    const lagMs = Math.max(0, now - this.#dueAt);
    this.#dueAt = now + TICK_MS;
    while (this.#lags.length > 0 && (this.#lags.at(-1)?.lagMs ?? 0) <= lagMs) this.#lags.pop();
    this.#lags.push({ atMs: now, lagMs });
    while ((this.#lags[0]?.atMs ?? now) < now - REMEMBERED_MS) this.#lags.shift();
  }
}
