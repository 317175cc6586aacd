import { parseScaleLabels } from '../../../contract/parse-scale-labels.ts';
import { desiredReplicas } from '../../../gateway/scaling/desired-replicas.ts';
import { ReplicaDecider } from '../../../gateway/scaling/replica-decider.ts';
import { TARGET_RULES, type TargetRules } from '../../../gateway/scaling/target-scaler.ts';

/** What a scaler may look at, from outside of the replicas. */
export interface Sight {
  readonly nowMs: number;
  /** Calls since the beginning. */
  readonly started: number;
  readonly completed: number;
  readonly inFlight: number;
  readonly ready: number;
  readonly desired: number;
}

export interface Scaler {
  readonly name: string;
  /** Between two looks. */
  readonly everyMs: number;
  /** The count to ask for. */
  readonly look: (sight: Sight) => number;
}

export type Labels = Readonly<Record<string, string>>;

/** `{ type: 'rps' }` for the label com.openfaas.scale.type; `{ 'com.skep.scale.schedule': … }` as it is. */
function scaleLabels(labels: Labels): ReturnType<typeof parseScaleLabels> {
  return parseScaleLabels(
    Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [
        name.startsWith('com.') ? name : `com.openfaas.scale.${name}`,
        value,
      ]),
    ),
  );
}

export interface TargetScalerModel {
  readonly labels: Labels;
  readonly rules?: TargetRules;
  /** What is counted as load of `rps`. Default `started`, as the gateway does. */
  readonly counts?: 'started' | 'completed';
}

/** The gateway's own loop: ticks of 500 ms over its own counters. */
export function byTarget(name: string, { labels, rules, counts = 'started' }: TargetScalerModel): Scaler {
  const settings = { defaultTarget: 50, maintainMinReplicas: false };
  const decider = new ReplicaDecider(scaleLabels(labels), settings, rules ?? TARGET_RULES);
  let before = 0;
  return {
    name,
    everyMs: 500,
    look: ({ nowMs, inFlight, ready, desired, ...sight }) => {
      const calls = { started: sight[counts] - before, inFlight };
      before = sight[counts];
      return decider.decide({
        nowMs,
        todayMs: nowMs,
        calls,
        ready,
        desired,
        measured: undefined,
        alertedMs: undefined,
      }).desired;
    },
  };
}

/** As prometheus/*.yml has it: what is scraped, evaluated, kept firing, grouped and repeated. */
export const ALERTING = {
  scrapeMs: 5000,
  evaluateMs: 2000,
  windowMs: 10_000,
  keepFiringMs: 10_000,
  groupWaitMs: 1000,
  groupIntervalMs: 2000,
  repeatMs: 30_000,
};
/** Calls per second, the stack's default. */
const THRESHOLD = 5;
/** Evaluations come so long after scrapes, as chance has it. */
const PHASE_MS = 1200;

/** Prometheus, Alertmanager and the step of POST /system/alert. */
export function byAlert(name: string, labels: Labels = {}): Scaler {
  const { min, max, factorPercent, zero } = scaleLabels(labels);
  const samples: { readonly atMs: number; readonly completed: number }[] = [];
  let hotMs = Number.NEGATIVE_INFINITY;
  let isFiring = false;
  let group:
    | { readonly nextMs: number; readonly notifiedMs: number; readonly told: 'firing' | 'resolved' }
    | undefined;
  return {
    name,
    everyMs: 100,
    look: ({ nowMs, completed, desired }) => {
      if (nowMs % ALERTING.scrapeMs === 0) samples.push({ atMs: nowMs, completed });
      if (nowMs % ALERTING.evaluateMs === PHASE_MS) {
        const window = samples.filter(({ atMs }) => atMs > nowMs - ALERTING.windowMs);
        const [first, last] = [window[0], window.at(-1)];
        const spanMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
        const rate = spanMs > 0 ? (((last?.completed ?? 0) - (first?.completed ?? 0)) * 1000) / spanMs : 0;
        if (rate > THRESHOLD) hotMs = nowMs;
        isFiring = nowMs - hotMs < ALERTING.keepFiringMs;
        if (isFiring)
          group ??= {
            nextMs: nowMs + ALERTING.groupWaitMs,
            notifiedMs: Number.NEGATIVE_INFINITY,
            told: 'resolved',
          };
      }
      if (group === undefined || nowMs < group.nextMs) return desired;
      const alert = isFiring ? 'firing' : 'resolved';
      const isDue = alert !== group.told || (isFiring && nowMs - group.notifiedMs >= ALERTING.repeatMs);
      const notifiedMs = isDue ? nowMs : group.notifiedMs;
      group = isFiring ? { nextMs: nowMs + ALERTING.groupIntervalMs, notifiedMs, told: alert } : undefined;
      return isDue ? desiredReplicas({ alert, current: desired, min, max, factorPercent, zero }) : desired;
    },
  };
}
