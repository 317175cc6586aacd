import type { ScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { ScalingLook } from './scaling-look.ts';
import { scheduledMinimum } from './schedule.ts';
import { TARGET_RULES, type TargetRules, TargetScaler, targetOptions } from './target-scaler.ts';
import { WindowEnd } from './window-end.ts';

/** What decides about a function besides its labels. */
export interface DeciderSettings {
  /** For functions without com.openfaas.scale.target. */
  readonly defaultTarget: number;
  /** Whether a function found at 0 without com.openfaas.scale.zero is put back to its minimum. */
  readonly maintainMinReplicas: boolean;
}

export interface ScalingDecision {
  /** The count to ask for; that of the look when nothing is to be done. */
  readonly desired: number;
  /** Why, when it differs. */
  readonly cause: 'rps' | 'capacity' | 'cpu' | 'queue' | 'custom' | 'idle' | 'schedule' | 'minimum';
  /** What was measured: calls per second, calls in flight, milli-CPU, queued calls or the custom rule's. Undefined: no type, or nothing was measured. */
  readonly load: number | undefined;
  /** Fewest replicas now: the schedule's, or the label's. */
  readonly minimum: number;
}

/**
 * Decides about one function, from its deployment to its removal, whichever way it is scaled. No I/O, no clock of its own: the same
 * looks give the same decisions. A decision that is not applied changes nothing: the next look tells.
 */
export class ReplicaDecider {
  readonly #settings: DeciderSettings;
  readonly #rules: TargetRules;
  readonly #windowEnd = new WindowEnd();
  #labels: ScaleLabels;
  #target: TargetScaler | undefined;
  /** The last moment at which it was not idle. */
  #busyMs: number | undefined;
  #lastDesired: number | undefined;

  constructor(labels: ScaleLabels, settings: DeciderSettings, rules: TargetRules = TARGET_RULES) {
    this.#labels = labels;
    this.#settings = settings;
    this.#rules = rules;
    this.#target = this.#newTarget();
  }

  /** It was deployed anew: it counts as called. What is known of its load stays while it is measured the same way. */
  redeployed(labels: ScaleLabels): void {
    this.#labels = labels;
    this.#busyMs = undefined;
    const options = targetOptions(labels, this.#settings.defaultTarget);
    if (options !== undefined && options.type === this.#target?.type) this.#target.change(options);
    else this.#target = this.#newTarget();
  }

  decide(look: ScalingLook): ScalingDecision {
    const { desired } = look;
    const scheduled = scheduledMinimum(this.#labels, look.todayMs);
    const minimum = scheduled ?? this.#labels.min;
    const target = this.#target?.look(look);
    const load = target?.load;
    const mayLower = this.#windowEnd.lowers({ labels: this.#labels, minimum, look });
    const isIdle = this.#isIdle(look);
    const decided = (count: number, cause: ScalingDecision['cause']): ScalingDecision => ({
      desired: count,
      cause,
      load,
      minimum,
    });

    if (scheduled !== undefined && desired < scheduled) {
      const due = Math.min(target?.desired ?? 0, this.#labels.max);
      return desired > 0 && due > scheduled ? decided(due, this.#cause) : decided(scheduled, 'schedule');
    }
    if (desired === 0) {
      const due = Math.min(target?.desired ?? 0, this.#labels.max);
      // Only calls that wait in the queue ask for a first replica by themselves.
      if (due > 0) return decided(Math.max(due, minimum), this.#cause);
      const isKept = this.#settings.maintainMinReplicas && !this.#labels.zero;
      return decided(isKept ? minimum : 0, 'minimum');
    }
    if (isIdle && !((scheduled ?? 0) >= 1)) return decided(0, 'idle');
    if (target !== undefined) {
      if (this.#labels.min === this.#labels.max && scheduled === undefined)
        return decided(desired, this.#cause);
      const least = Math.max(1, minimum);
      const isTooLow = desired < least && target.desired <= least;
      const held = Math.min(this.#labels.max, Math.max(least, target.desired));
      return decided(held, isTooLow ? 'minimum' : this.#cause);
    }
    return decided(mayLower ? Math.max(1, minimum) : desired, 'schedule');
  }

  /** What was decided is asked for: what another has made of it before the next look is another's will. */
  applied(desired: number): void {
    this.#lastDesired = desired;
    this.#target?.applied(desired);
  }

  get #cause(): ScalingDecision['cause'] {
    const type = this.#labels.type;
    const own = ['rps', 'capacity', 'cpu', 'queue'] as const;
    return own.find((each) => each === type) ?? 'custom';
  }

  /** Idle: no call in flight, none begun and none waited for in its queue, for as long as the labels say; counted at the earliest from the first look. */
  #isIdle({ nowMs, calls, desired, measured = 0 }: ScalingLook): boolean {
    // Whoever woke it, a call or somebody's hand, means it to be used.
    const wasWoken = this.#lastDesired === 0 && desired > 0;
    this.#lastDesired = desired;
    const isAwaited = this.#target?.type === 'queue' && measured > 0;
    if (this.#busyMs === undefined || wasWoken || isAwaited || calls.started > 0 || calls.inFlight > 0)
      this.#busyMs = nowMs;
    return this.#labels.zero && nowMs - this.#busyMs >= this.#labels.zeroAfterMs;
  }

  #newTarget(): TargetScaler | undefined {
    const options = targetOptions(this.#labels, this.#settings.defaultTarget);
    return options === undefined ? undefined : new TargetScaler(options, this.#rules);
  }
}
