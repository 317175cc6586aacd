import type { Logger } from '../log.ts';
import type { ReplicaScaler } from './apply.ts';
import type { FunctionLoad, GatewayLoad } from './function-load.ts';
import type { Gateways } from './gateways.ts';
import type { PrometheusLoads } from './prometheus-loads.ts';
import type { QueueLoads } from './queue-loads.ts';
import type { DeciderSettings, ScalingDecision } from './replica-decider.ts';
import { ScalingBackoff } from './scaling-backoff.ts';
import { type ScalableFunction, WatchedFunction } from './watched-function.ts';

const EVERY_MS = 500;
/** Changes under way at a time: what is more waits for a later tick, and is decided anew then. */
const MOST_AT_A_TIME = 16;
/** A tick that takes longer is worth a line of the log. */
const SLOW_MS = 2000;

const NO_CALLS: FunctionLoad = { started: 0, inFlight: 0 };

export interface AutoscalerOptions {
  /** Every function as the cluster was read last. */
  readonly functions: () => Iterable<ScalableFunction>;
  /** Has this gateway's calls counted anew; false: not all of it could be. */
  readonly count: () => Promise<boolean>;
  /** This gateway's calls by `name.namespace`, as they were counted last. */
  readonly loads: () => ReadonlyMap<string, GatewayLoad>;
  readonly gateways: Gateways;
  readonly prometheus: Pick<PrometheusLoads, 'want' | 'load'>;
  /** Undefined: there is no queue. */
  readonly queue?: Pick<QueueLoads, 'want' | 'load'> | undefined;
  readonly scaler: Pick<ReplicaScaler, 'change'>;
  readonly settings: DeciderSettings;
  /** When an alert of the function fired last, by `now`; undefined: not lately. Default: none has. */
  readonly alertedMs?: (key: string) => number | undefined;
  readonly logger: Logger;
  /** What was measured of a function; undefined: it does not scale by target any more. */
  readonly onLoad?: (key: string, load: { scalingType: string; load: number } | undefined) => void;
  /** The minimum that a schedule asks for now; undefined: the label holds. */
  readonly onMinimum?: (key: string, minimum: number | undefined) => void;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly today?: () => number;
  /** Milliseconds that only grow; default `performance.now`. */
  readonly now?: () => number;
  /** Between two ticks. Default 500. */
  readonly everyMs?: number;
}

interface Candidate {
  readonly fn: ScalableFunction;
  readonly watched: WatchedFunction;
  readonly decision: ScalingDecision;
  /** Replicas asked for when it was made. */
  readonly from: number;
  /** This gateway's calls when it was made. */
  readonly started: number;
}

/**
 * Looks at every function twice a second and asks for the replicas it should have: by target, to zero, by the time of day. Every
 * gateway decides, so that one which takes over knows what went before; the one that leads asks.
 */
export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #now: () => number;
  readonly #today: () => number;
  readonly #watched = new Map<string, WatchedFunction>();
  /** What was told of functions that are not scaled. */
  readonly #problems = new Map<string, string>();
  readonly #backoff: ScalingBackoff;
  readonly #changes = new Set<Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #isResigned = false;
  #isFailing = false;
  #wasSlow = false;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#today = options.today ?? Date.now;
    this.#backoff = new ScalingBackoff(options.logger, this.#now);
  }

  start(): void {
    this.#schedule(this.#everyMs);
  }

  /** Changes nothing any more. Resolves when what was under way is over. */
  async resign(): Promise<void> {
    this.#isResigned = true;
    await this.#options.gateways.resign();
    await Promise.all(this.#changes);
  }

  stop(): void {
    this.#isStopped = true;
    this.#isResigned = true;
    clearTimeout(this.#timer);
  }

  get #everyMs(): number {
    return this.#options.everyMs ?? EVERY_MS;
  }

  #schedule(afterMs: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#run(), afterMs);
  }

  async #run(): Promise<void> {
    const began = this.#now();
    try {
      await this.tick();
      if (this.#isFailing) this.#options.logger.info('scaling goes on');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#options.logger.error('scaling failed: it is tried again', { error });
      this.#isFailing = true;
    }
    const tookMs = this.#now() - began;
    if (tookMs >= SLOW_MS && !this.#wasSlow) {
      this.#options.logger.warn('a look at all functions took long', { ms: Math.round(tookMs) });
    }
    this.#wasSlow = tookMs >= SLOW_MS;
    this.#schedule(Math.max(0, this.#everyMs - tookMs));
  }

  /** One look at every function. Resolves when changes were asked for, not when they are made. */
  async tick(): Promise<void> {
    const { count, gateways, loads, functions, prometheus, queue, alertedMs } = this.#options;
    const isCounted = await count();
    const own = loads();
    const calls = gateways.exchange(own);
    const moment = { nowMs: this.#now(), todayMs: this.#today() };
    const candidates: Candidate[] = [];
    const externalTypes = new Set<string>();
    const present = new Set<string>();
    for (const fn of functions()) {
      const { key } = fn;
      present.add(key);
      const watched = this.#watch(fn);
      const decision = watched.decide(fn, {
        ...moment,
        calls: calls.get(key) ?? NO_CALLS,
        measured: (type) => {
          if (type !== 'queue') return prometheus.load(type, key);
          return queue === undefined ? 'missing' : queue.load(key);
        },
        alertedMs: alertedMs?.(key),
      });
      this.#tell(key, watched, decision);
      if (watched.externalType !== undefined) externalTypes.add(watched.externalType);
      if (decision === undefined || decision.desired === fn.desired) continue;
      candidates.push({ fn, watched, decision, from: fn.desired, started: own.get(key)?.started ?? 0 });
    }
    for (const key of this.#watched.keys()) if (!present.has(key)) this.#forget(key);
    queue?.want(externalTypes.delete('queue'));
    prometheus.want(externalTypes);
    this.#ask(candidates, isCounted);
  }

  #watch(fn: ScalableFunction): WatchedFunction {
    const known = this.#watched.get(fn.key);
    // One that was removed and deployed again between two looks is another one.
    if (known !== undefined && known.createdAt === fn.createdAt) return known;
    const watched = new WatchedFunction(fn, this.#options.settings);
    this.#watched.set(fn.key, watched);
    return watched;
  }

  #forget(key: string): void {
    this.#watched.delete(key);
    this.#problems.delete(key);
    this.#backoff.gone(key);
  }

  #tell(key: string, { type, problem }: WatchedFunction, decision: ScalingDecision | undefined): void {
    const { logger, onLoad, onMinimum } = this.#options;
    if (problem !== this.#problems.get(key)) {
      if (problem === undefined) this.#problems.delete(key);
      else {
        this.#problems.set(key, problem);
        logger.warn('a function is not scaled', { function: key, reason: problem });
      }
    }
    const load = decision?.load;
    onLoad?.(key, type === undefined || load === undefined ? undefined : { scalingType: type, load });
    onMinimum?.(key, decision?.minimum);
  }

  #ask(candidates: readonly Candidate[], isCounted: boolean): void {
    // Those that want more come first.
    const isUp = ({ from, decision }: Candidate): boolean => decision.desired > from;
    for (const candidate of [...candidates.filter(isUp), ...candidates.filter((each) => !isUp(each))]) {
      if (this.#changes.size >= MOST_AT_A_TIME) return;
      const { watched, fn, from, decision } = candidate;
      if (watched.isChanging || !this.#backoff.mayTry(fn.key)) continue;
      if (decision.desired === 0 && !isCounted) continue;
      if (this.#may(decision.desired, from)) this.#begin(candidate);
    }
  }

  /** Asked right before anything is applied: the lead may end from one moment to the next. */
  #may(to: number, from: number): boolean {
    const { role } = this.#options.gateways;
    return !this.#isResigned && (role === 'leads' || (role === 'cut_off' && to > from));
  }

  #begin(candidate: Candidate): void {
    const { fn, watched } = candidate;
    watched.isChanging = true;
    const change = this.#change(candidate)
      .then(
        (isChanged) => {
          this.#backoff.succeeded(fn.key);
          if (isChanged) watched.applied(candidate.decision.desired);
        },
        (error: unknown) => this.#backoff.failed(fn.key, error),
      )
      .then(() => {
        watched.isChanging = false;
        this.#changes.delete(change);
      });
    this.#changes.add(change);
  }

  async #change({ fn, decision, from, started }: Candidate): Promise<boolean> {
    const { desired: to, cause, load } = decision;
    const scaling = await this.#options.scaler.change(fn.ref, {
      cause,
      ...(load !== undefined && { about: { load: Math.round(load * 1000) / 1000 } }),
      decide: async ({ replicas }) => {
        // Somebody else has changed it since: the next look decides on that.
        if (replicas !== from || !this.#may(to, replicas)) return replicas;
        return to === 0 && !(await this.#isIdle(fn.key, started)) ? replicas : to;
      },
    });
    return scaling !== undefined;
  }

  /** Right before the last replica goes: nothing came since that was decided, nothing is in flight, and all of it was counted. */
  async #isIdle(key: string, startedBefore: number): Promise<boolean> {
    const { count, loads } = this.#options;
    if (!(await count())) return false;
    const { started, inFlight } = loads().get(key) ?? NO_CALLS;
    return started === startedBefore && inFlight === 0;
  }
}
