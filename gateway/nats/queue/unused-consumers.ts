import type { FunctionRef } from '../../../contract/function-ref.ts';
import { errorCodeOf, NO_CONSUMER } from '../jetstream-errors.ts';
import { below } from './missing-consumers.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';

export interface UnusedConsumersOptions {
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  /** Undefined: nobody knows. */
  readonly isDeployed: (ref: FunctionRef) => boolean | undefined;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

/** Far longer than anybody takes a consumer for there without looking. */
const UNUSED_MS = 10 * 60_000;

/** Removes consumers of functions that are gone, and have no calls: every worker asks each of those that are there for more. */
export class UnusedConsumers {
  readonly #options: UnusedConsumersOptions;
  /** By name, since when each is seen to be of no use. */
  #unusedSince: ReadonlyMap<string, number> = new Map();

  constructor(options: UnusedConsumersOptions) {
    this.#options = options;
  }

  /** One look; to be taken now and then. @returns the names of those that were removed @throws {Error} what JetStream says */
  async look(): Promise<string[]> {
    const { sessions, names, isDeployed, now } = this.#options;
    const { manager } = await sessions.get();
    const unusedSince = new Map<string, number>();
    for await (const { name, config, num_pending, num_ack_pending } of manager.consumers.list(names.queue)) {
      const [, namespace, functionName] = below(names.allCalls, config.filter_subject ?? '');
      if (namespace === undefined || functionName === undefined || num_pending + num_ack_pending > 0)
        continue;
      if (isDeployed({ name: functionName, namespace }) !== false) continue;
      unusedSince.set(name, this.#unusedSince.get(name) ?? now());
    }
    const removed: string[] = [];
    for (const [name, sinceMs] of unusedSince) {
      if (now() - sinceMs < UNUSED_MS) continue;
      unusedSince.delete(name);
      const isRemoved = await manager.consumers.delete(names.queue, name).catch((error: unknown) => {
        // Another gateway was sooner.
        if (errorCodeOf(error) === NO_CONSUMER) return false;
        throw error;
      });
      if (isRemoved) removed.push(name);
    }
    this.#unusedSince = unusedSince;
    return removed;
  }
}
