import { TIMEOUT_ANNOTATION } from '../../../contract/function-annotations.ts';
import { BURST_LABEL, CONCURRENCY_LABEL, RATE_LABEL } from '../../../contract/parse-call-limits.ts';
import type { FunctionEntry, LiveReplica } from '../function-table.ts';
import { readCallRules } from './call-rules.ts';
import { FIRST_FREE_SLOT, type SharedCounts, SLOTS } from './shared-counts.ts';
import { Slots } from './slots.ts';

const NO_DEFAULTS = { upstreamTimeoutMs: 0, replicaMaxInflight: 0 };

export interface LimitKeeperOptions {
  readonly counts: SharedCounts;
  /** Every replica may have a limit: see {@link RuleDefaults}. */
  readonly replicaMaxInflight?: number | undefined;
  /** A limit has no effect: `why` names it. */
  readonly onProblem: (key: string, why: string) => void;
  readonly nowMs?: () => number;
}

/** Gives limited functions and their replicas a place in the shared counts; of one process, the table's. */
export class LimitKeeper {
  readonly #options: LimitKeeperOptions;
  readonly #nowMs: () => number;
  readonly #slots: Slots;
  /** The labels and annotations that were looked at last, and what was told of them: they are read anew again and again. */
  readonly #checked = new WeakMap<FunctionEntry, { labels: unknown; annotations: unknown; told: string }>();
  /** Functions that say nothing have a limit for each replica, too. */
  readonly #limitsAll: boolean;
  #hasToldFull = false;

  constructor(options: LimitKeeperOptions) {
    const { counts, nowMs = Date.now } = options;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#limitsAll = (options.replicaMaxInflight ?? 0) > 0;
    this.#slots = new Slots({
      count: SLOTS,
      first: FIRST_FREE_SLOT,
      inFlight: (slot) => counts.count(slot),
      clear: (slot) => counts.clearSlot(slot),
    });
  }

  /** The function may have changed. Costs a few look-ups where it is without limits. */
  onEntry(entry: FunctionEntry): void {
    const { labels, envVars, key } = entry;
    this.#check(entry);
    if (labels[RATE_LABEL] !== undefined || labels[CONCURRENCY_LABEL] !== undefined) {
      entry.slot ??= this.#assign(functionName(entry), key);
    }
    if (envVars['max_inflight'] === undefined && !this.#limitsAll) return;
    for (const replica of entry.replicas) replica.slot ??= this.#assign(replicaName(replica), key);
  }

  onEntryGone(entry: FunctionEntry): void {
    if (entry.slot !== undefined) this.#slots.release(functionName(entry), this.#nowMs());
    entry.slot = undefined;
  }

  onReplicaGone(replica: LiveReplica): void {
    if (replica.slot !== undefined) this.#slots.release(replicaName(replica), this.#nowMs());
    replica.slot = undefined;
  }

  #assign(name: string, key: string): number | undefined {
    const slot = this.#slots.assign(name, this.#nowMs());
    if (slot === undefined && !this.#hasToldFull) {
      this.#hasToldFull = true;
      this.#options.onProblem(key, `only ${SLOTS} functions and replicas can be limited at a time`);
    }
    return slot;
  }

  /** A deployment with a wrong value is refused; `docker service update` sets what it is told. */
  #check(entry: FunctionEntry): void {
    const { labels, annotations } = entry;
    const known = this.#checked.get(entry);
    if (known?.labels === labels && known.annotations === annotations) return;
    const isSet =
      labels[RATE_LABEL] ??
      labels[BURST_LABEL] ??
      labels[CONCURRENCY_LABEL] ??
      annotations[TIMEOUT_ANNOTATION];
    const problems = isSet === undefined ? [] : readCallRules(entry, NO_DEFAULTS).problems;
    const told = problems.join('\n');
    this.#checked.set(entry, { labels, annotations, told });
    if (known?.told === told) return;
    for (const why of problems) this.#options.onProblem(entry.key, why);
  }
}

function functionName({ key }: FunctionEntry): string {
  return `function ${key}`;
}

function replicaName({ id, address }: LiveReplica): string {
  return `replica ${id} ${address}`;
}
