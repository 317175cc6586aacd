import type { FunctionRef } from '../../contract/function-ref.ts';
import { parseScaleLabels, type ScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { FunctionLoad } from './function-load.ts';
import { type DeciderSettings, ReplicaDecider, type ScalingDecision } from './replica-decider.ts';

/** A function as the table has it. */
export interface ScalableFunction {
  readonly ref: FunctionRef;
  /** `name.namespace` */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly desired: number;
  readonly replicas: readonly { readonly isReady: boolean }[];
  /** RFC 3339. */
  readonly createdAt?: string | undefined;
  readonly deployed?: { readonly id: string; readonly at: string } | undefined;
}

/** What one tick knows besides the function itself. */
export interface Circumstances {
  readonly nowMs: number;
  readonly todayMs: number;
  readonly calls: FunctionLoad;
  /** A load that is not counted here; `missing`: others of the type are measured, this one's is not. */
  readonly measured: (type: string) => number | 'missing' | undefined;
  readonly alertedMs: number | undefined;
}

const MISSING_MS = 60_000;

/** Types whose load the gateway counts itself. */
const OWN_TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'rps', 'capacity']);

/** One function from when it was first seen to its removal: its labels are read when they change, its history is kept. */
export class WatchedFunction {
  readonly createdAt: string | undefined;
  /** A change of its replica count is under way. */
  isChanging = false;
  readonly #settings: DeciderSettings;
  #text: Readonly<Record<string, string>> | undefined;
  #fingerprint = '';
  #labels: ScaleLabels | undefined;
  #decider: ReplicaDecider | undefined;
  #deployedId: string | undefined;
  /** A service that was changed by hand may have any labels. */
  #wrongLabel: string | undefined;
  /** What must not happen must not keep the others from being scaled. */
  #failure: string | undefined;
  #missingSinceMs: number | undefined;
  #isMissing = false;

  constructor(fn: ScalableFunction, settings: DeciderSettings) {
    this.createdAt = fn.createdAt;
    this.#settings = settings;
  }

  get type(): string | undefined {
    return this.#labels?.type;
  }

  /** The type by which it scales, where its load is measured elsewhere. */
  get externalType(): string | undefined {
    return OWN_TYPES.has(this.type) ? undefined : this.type;
  }

  /** Why it is not scaled. */
  get problem(): string | undefined {
    const reason = this.#wrongLabel ?? this.#failure;
    if (reason !== undefined) return reason;
    if (!this.#isMissing) return undefined;
    return this.type === 'queue'
      ? 'there is no queue that it could be scaled by: faas_nats_address is not set'
      : `nothing in Prometheus measures ${JSON.stringify(this.type)} of it`;
  }

  /** @returns undefined while there is a problem */
  decide(fn: ScalableFunction, { measured, ...rest }: Circumstances): ScalingDecision | undefined {
    if (fn.labels !== this.#text || (fn.deployed !== undefined && fn.deployed.id !== this.#deployedId)) {
      this.#read(fn);
    }
    if (this.#labels === undefined || this.#decider === undefined) return undefined;
    let ready = 0;
    for (const { isReady } of fn.replicas) if (isReady) ready++;
    const type = this.externalType;
    const load = type === undefined ? undefined : measured(type);
    this.#note(load === 'missing' && ready > 0, rest.nowMs);
    try {
      this.#failure = undefined;
      return this.#decider.decide({
        ...rest,
        measured: load === 'missing' ? undefined : load,
        // While a new version rolls out there is one of either more.
        ready: Math.min(ready, fn.desired),
        desired: fn.desired,
      });
    } catch (error) {
      this.#failure = (error as Error).message;
      return undefined;
    }
  }

  /** What was decided is asked for. */
  applied(desired: number): void {
    this.#decider?.applied(desired);
  }

  /** A rule that nobody has written, or replicas that do not tell: what begins to be measured is found within a minute. */
  #note(isMissing: boolean, nowMs: number): void {
    this.#missingSinceMs = isMissing ? (this.#missingSinceMs ?? nowMs) : undefined;
    this.#isMissing = this.#missingSinceMs !== undefined && nowMs - this.#missingSinceMs >= MISSING_MS;
  }

  #read({ labels, deployed }: ScalableFunction): void {
    this.#text = labels;
    const isDeployed = deployed !== undefined && deployed.id !== this.#deployedId;
    this.#deployedId = deployed?.id ?? this.#deployedId;
    try {
      this.#labels = parseScaleLabels(labels);
      this.#wrongLabel = undefined;
    } catch (error) {
      this.#labels = undefined;
      this.#wrongLabel = (error as Error).message;
      return;
    }
    // Every change of the service brings labels anew; a change of its replica count is no deployment.
    const fingerprint = JSON.stringify(this.#labels);
    if (this.#decider === undefined) this.#decider = new ReplicaDecider(this.#labels, this.#settings);
    else if (isDeployed || fingerprint !== this.#fingerprint) this.#decider.redeployed(this.#labels);
    this.#fingerprint = fingerprint;
  }
}
