import { type Arrivals, evenly } from '../../../bench/support/simulator/arrivals.ts';
import { parseScaleLabels } from '../../../contract/parse-scale-labels.ts';
import { ReplicaDecider, type ScalingDecision } from '../../../gateway/scaling/replica-decider.ts';
import type { ScalingLook } from '../../../gateway/scaling/scaling-look.ts';

export const MINUTE_S = 60;
export const HOUR_S = 3600;
/** Monday, 5 January 2026, 00:00 UTC. */
export const MONDAY_MS = Date.UTC(2026, 0, 5);

/** `{ 'scale.min': '1' }`, without the `com.openfaas.` in front. */
export type ShortLabels = Readonly<Record<string, string>>;

/** One function in a world where each decision is followed at once. */
export class World {
  desired: number;
  ready: number | undefined;
  inFlight = 0;
  measured: number | undefined;
  alertedMs: number | undefined;
  nowMs = 1_000_000;
  todayMs = MONDAY_MS;
  last: ScalingDecision | undefined;
  readonly decider: ReplicaDecider;
  readonly changes: { readonly atMs: number; readonly to: number; readonly cause: string }[] = [];

  constructor(labels: ShortLabels, { desired = 1, maintainMinReplicas = false } = {}) {
    this.desired = desired;
    this.decider = new ReplicaDecider(labelsOf(labels), { defaultTarget: 50, maintainMinReplicas });
  }

  tick(started = 0, ms = 500): ScalingDecision {
    this.nowMs += ms;
    this.todayMs += ms;
    const look: ScalingLook = {
      nowMs: this.nowMs,
      todayMs: this.todayMs,
      calls: { started, inFlight: this.inFlight },
      measured: this.measured,
      ready: this.ready ?? this.desired,
      desired: this.desired,
      alertedMs: this.alertedMs,
    };
    const decision = this.decider.decide(look);
    this.last = decision;
    if (decision.desired !== this.desired) {
      this.changes.push({ atMs: this.nowMs, to: decision.desired, cause: decision.cause });
      this.desired = decision.desired;
    }
    return decision;
  }

  /** Ticks of 500 ms. */
  run(seconds: number, perSecond = 0, arrivals: Arrivals = evenly()): this {
    for (let tick = 0; tick < seconds * 2; tick++) this.tick(arrivals(perSecond, 0.5));
    return this;
  }

  /** The changes that this brings about. */
  changesIn(work: () => unknown): readonly { readonly atMs: number; readonly to: number }[] {
    const before = this.changes.length;
    work();
    return this.changes.slice(before);
  }
}

export function labelsOf(labels: ShortLabels): ReturnType<typeof parseScaleLabels> {
  const full = Object.entries(labels).map(([name, value]) => [
    name.startsWith('com.') ? name : `com.openfaas.${name}`,
    value,
  ]);
  return parseScaleLabels(Object.fromEntries(full) as Record<string, string>);
}

export const rps = (target: number, more: ShortLabels = {}): ShortLabels => ({
  'scale.type': 'rps',
  'scale.target': String(target),
  ...more,
});
export const capacity = (target: number, more: ShortLabels = {}): ShortLabels => ({
  ...rps(target, more),
  'scale.type': 'capacity',
});
export const WHOLE = { 'scale.target-proportion': '1' };
