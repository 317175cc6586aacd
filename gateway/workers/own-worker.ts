import type { TableChanges } from '../data-plane/table-changes.ts';
import type { CallIntake } from '../queue/call-queue.ts';
import type { DrainTimes, FromWorker } from './messages.ts';
import { ServingWorker } from './serving-worker.ts';
import type { WorkerPoolOptions } from './worker-pool.ts';
import type { Workers } from './workers.ts';

export type OwnWorkerOptions = Pick<
  WorkerPoolOptions,
  'task' | 'table' | 'wake' | 'onNudge' | 'onUnreachable' | 'onReport' | 'onAccepts' | 'logger'
> & {
  /** Of a queue in this process; absent: NATS is the queue, where it is configured. */
  readonly intake?: CallIntake | undefined;
};

const FIRST = 1;

/** The one worker of a gateway that is a single process: for one person at one machine, not for a crowd. */
export class OwnWorker implements Workers {
  readonly #options: OwnWorkerOptions;
  #worker: ServingWorker | undefined;
  #isDraining = false;

  constructor(options: OwnWorkerOptions) {
    this.#options = options;
  }

  get isServing(): boolean {
    return this.#worker !== undefined && !this.#isDraining;
  }

  async begin(): Promise<void> {
    const { task, table, wake, logger, intake } = this.#options;
    const channel = { wake, send: (message: FromWorker) => this.#onMessage(message) };
    this.#worker = new ServingWorker({ ...task(), worker: FIRST }, table(), { channel, logger, intake });
  }

  tell(changes: TableChanges): void {
    this.#worker?.apply(changes); // it begins with the whole table
  }

  async sync(): Promise<void> {}

  async look(): Promise<string> {
    return 'in this process';
  }

  async count(): Promise<boolean> {
    this.#worker?.report();
    return true;
  }

  async drain(times: DrainTimes): Promise<number> {
    this.#isDraining = true;
    return (await this.#worker?.drain(times)) ?? 0;
  }

  #onMessage(message: FromWorker): void {
    const { onNudge, onUnreachable, onReport, onAccepts } = this.#options;
    if (message.kind === 'nudge') onNudge();
    if (message.kind === 'unreachable') onUnreachable(message.replica);
    if (message.kind !== 'report') return;
    onReport(FIRST, message.deltas, message.figures);
    if (message.accepts !== undefined) onAccepts(message.accepts);
  }
}
