import type { ScaleLabels } from '../../contract/parse-scale-labels.ts';
import { CALL_RATE_RULES, CallRate, type CallRateRules } from './call-rate.ts';
import { CallsInFlight, IN_FLIGHT_RULES, type InFlightRules } from './calls-in-flight.ts';
import { HighestLately } from './highest-lately.ts';
import { type MeasuredLoad, targetReplicas } from './measured-load.ts';
import type { ScalingLook } from './scaling-look.ts';
import { ToldLoad } from './told-load.ts';

/** How counts go down. Tried in bench/scaling-simulator.bench.ts. */
export interface TargetRules {
  readonly rate: CallRateRules;
  readonly inFlight: InFlightRules;
  /** The highest count that was due is kept for so long, or for com.openfaas.scale.down.window if that is longer. */
  readonly keptMs: number;
  /** From one step down to the next. Each leaves at least half. */
  readonly betweenStepsMs: number;
}

export const TARGET_RULES: TargetRules = {
  rate: CALL_RATE_RULES,
  inFlight: IN_FLIGHT_RULES,
  keptMs: 30_000,
  betweenStepsMs: 5000,
};

export interface TargetScalerOptions {
  /** `rps`, `capacity`, `queue`, or what Prometheus measures. */
  readonly type: string;
  /** target * proportion. */
  readonly perReplica: number;
  readonly downWindowMs: number;
}

/** Scales one function by its load, per com.openfaas.scale.type. */
export class TargetScaler {
  readonly #rules: TargetRules;
  readonly #rate: CallRate | undefined;
  readonly #inFlight: CallsInFlight | undefined;
  readonly #told = new ToldLoad();
  /** What was due. */
  readonly #due = new HighestLately();
  #options: TargetScalerOptions;
  #firstMs: number | undefined;
  #nowMs = 0;
  #steppedDownMs = Number.NEGATIVE_INFINITY;
  #raisedMs = Number.NEGATIVE_INFINITY;
  #lastDesired: number | undefined;

  constructor(options: TargetScalerOptions, rules: TargetRules = TARGET_RULES) {
    this.#options = options;
    this.#rules = rules;
    if (options.type === 'rps') this.#rate = new CallRate(rules.rate);
    if (options.type === 'capacity') this.#inFlight = new CallsInFlight(rules.inFlight);
  }

  get type(): string {
    return this.#options.type;
  }

  /** New labels of the same type: what is known of the load stays. */
  change(options: TargetScalerOptions): void {
    this.#options = options;
  }

  /**
   * Takes in a look.
   * @returns the load and the count for it, not yet held to minimum and maximum; no load: nothing is known of it, and the count stays
   */
  look({ nowMs, calls, measured, ready, desired }: ScalingLook): {
    desired: number;
    load: number | undefined;
  } {
    this.#nowMs = Math.max(nowMs, this.#nowMs);
    this.#firstMs ??= this.#nowMs;
    this.#rate?.add(this.#nowMs, calls.started);
    this.#inFlight?.add(this.#nowMs, calls.inFlight);
    this.#told.add(this.#nowMs, measured);
    this.applied(desired);
    const measuredLoad = this.#read(desired);
    if (measuredLoad === undefined) return { desired, load: undefined };
    const { load, atLeast, atMost } = measuredLoad;
    // The formula is not for a function that has nothing to measure: calls that wait for its first replica tell nothing of its need.
    const { perReplica, type } = this.#options;
    const due = targetReplicas(atLeast, perReplica);
    // Those in its queue do, though: they are counted before anything takes them.
    if (ready === 0 || desired === 0)
      return { desired: type === 'queue' ? Math.max(due, desired) : desired, load };
    this.#due.add(this.#nowMs, due);
    if (due > desired) return { desired: due, load };
    const needed = Math.max(targetReplicas(atMost, perReplica), this.#due.within(this.#nowMs, this.#keptMs));
    if (needed < desired && this.#mayStepDown())
      return { desired: Math.max(needed, Math.ceil(desired / 2)), load };
    return { desired, load };
  }

  /** So many are asked for since the last look. Another count at the next one is somebody else's. */
  applied(desired: number): void {
    const before = this.#lastDesired ?? desired;
    if (desired > before) this.#raisedMs = this.#nowMs;
    if (desired < before) this.#steppedDownMs = this.#nowMs;
    this.#lastDesired = desired;
  }

  get #keptMs(): number {
    return Math.max(this.#rules.keptMs, this.#options.downWindowMs);
  }

  /** Not before it has been watched for long enough; nor so soon after somebody raised it, by hand or from zero. */
  #mayStepDown(): boolean {
    const since = (atMs: number): number => this.#nowMs - atMs;
    return (
      since(this.#firstMs ?? this.#nowMs) >= this.#keptMs &&
      since(this.#raisedMs) >= this.#rules.keptMs &&
      since(this.#steppedDownMs) >= this.#rules.betweenStepsMs
    );
  }

  #read(desired: number): MeasuredLoad | undefined {
    return (
      this.#rate?.read(desired * this.#options.perReplica) ?? this.#inFlight?.read() ?? this.#told.read()
    );
  }
}

/** What the labels say of a target; undefined: the function is scaled by alerts. */
export function targetOptions(
  labels: Pick<ScaleLabels, 'type' | 'target' | 'targetProportion' | 'downWindowMs'>,
  defaultTarget: number,
): TargetScalerOptions | undefined {
  if (labels.type === undefined) return undefined;
  const perReplica = (labels.target ?? defaultTarget) * labels.targetProportion;
  return { type: labels.type, perReplica, downWindowMs: labels.downWindowMs };
}
