import { MODEL, type ReplicaModel, Replicas } from './replica-model.ts';
import type { Scaler } from './scalers.ts';
import type { Shape } from './shapes.ts';

const STEP_MS = 100;

export interface Moment {
  readonly atS: number;
  readonly ready: number;
}

export interface Simulation {
  readonly shape: string;
  readonly scaler: string;
  /** Asked for, summed over the time: what it costs. */
  readonly replicaSeconds: number;
  readonly calls: number;
  /** Calls that came when the load was above what the replicas could take: they waited. */
  readonly over: number;
  /** From the load's rise to the first decision for more; undefined: none is looked at, or there was none. */
  readonly reactionS: number | undefined;
  /** Changes of the count, and how often they went the other way than the one before. */
  readonly changes: number;
  readonly turns: number;
  /** Whenever the number of ready replicas changed. */
  readonly moments: readonly Moment[];
}

export interface SimulateOptions {
  readonly shape: Shape;
  readonly scaler: Scaler;
  readonly model?: ReplicaModel;
  /** What was there before. Default 1. */
  readonly replicas?: number;
}

/** Replays a load through a scaler, each decision carried out. The same input gives the same figures, always. */
export function simulate({ shape, scaler, model = MODEL, replicas: begin = 1 }: SimulateOptions): Simulation {
  const replicas = new Replicas(model, begin);
  const arrivals = shape.arrivals();
  const moments: Moment[] = [{ atS: 0, ready: begin }];
  let [calls, replicaMs, changes, turns, direction] = [0, 0, 0, 0, 0];
  let reactionS: number | undefined;
  for (let nowMs = STEP_MS; nowMs <= shape.seconds * 1000; nowMs += STEP_MS) {
    const more = arrivals(shape.perSecond((nowMs - STEP_MS) / 1000), STEP_MS / 1000);
    calls += more;
    replicas.advance(nowMs, more);
    const { desired, ready, inFlight, completed } = replicas;
    replicaMs += Math.max(ready, desired) * STEP_MS;
    if (moments.at(-1)?.ready !== ready) moments.push({ atS: nowMs / 1000, ready });
    const asked =
      nowMs % scaler.everyMs === 0
        ? scaler.look({ nowMs, started: calls, completed, inFlight, ready, desired })
        : desired;
    // A first caller wakes it, whatever scales it.
    const next = desired === 0 && inFlight > 0 ? Math.max(1, asked) : asked;
    if (next === desired) continue;
    const way = Math.sign(next - desired);
    changes++;
    if (direction !== 0 && way !== direction) turns++;
    direction = way;
    const riseS = shape.risesAtS;
    if (riseS !== undefined && way > 0 && nowMs / 1000 >= riseS) reactionS ??= nowMs / 1000 - riseS;
    replicas.scale(next, nowMs);
  }
  moments.push({ atS: shape.seconds, ready: replicas.ready });
  return {
    shape: shape.name,
    scaler: scaler.name,
    replicaSeconds: Math.round(replicaMs / 1000),
    calls,
    over: replicas.delayed,
    reactionS,
    changes,
    turns,
    moments,
  };
}
