import { AdaptiveLimit, type Load } from './adaptive-limit.ts';

export interface LanesOptions<T> {
  /** Calls that run at a time, over all lanes. */
  readonly places: number;
  /** Whether each lane learns its own limit. */
  readonly isAdaptive: boolean;
  /** Runs one. Must not throw. @returns how it went */
  readonly run: (item: T, lane: string) => Promise<Load>;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** Called when the number of calls that a lane runs has changed. */
  readonly onRunning?: (lane: string, running: number) => void;
}

/** Where a lane's calls come from. */
export interface LaneSource {
  /** Calls that were asked for and have not come. */
  readonly asked: number;
  ask(count: number): void;
}

interface Lane<T> {
  readonly name: string;
  readonly limit: AdaptiveLimit;
  readonly held: T[];
  source: LaneSource | undefined;
  running: number;
  /** More are waiting where these come from. */
  hasMore: boolean;
  askedAtMs: number;
}

/** What waits comes sooner than this to who asks for it: what has not come has gone to another worker. */
const COMES_WITHIN_MS = 250;

/**
 * A worker's places, shared by functions: one may start another call while it runs fewer than there are free places. So one that
 * is slow never has all of them, and with several that want more each comes to the same share.
 */
export class Lanes<T> {
  readonly #options: LanesOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Those that would run more, or ask for more, if there were places. */
  readonly #hungry = new Set<Lane<T>>();
  #running = 0;
  #held = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isStopped = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: LanesOptions<T>) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  /** Where calls of a lane come from, from now on; undefined: nowhere. */
  feed(name: string, source: LaneSource | undefined): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.source = source;
      this.#hungry.add(lane);
      this.#forgetEmpty(lane);
    } else if (source !== undefined) {
      const limit = new AdaptiveLimit(this.#options.places);
      const made: Lane<T> = { name, limit, held: [], source, running: 0, hasMore: false, askedAtMs: 0 };
      this.#lanes.set(name, made);
      this.#hungry.add(made);
    }
    this.#look();
  }

  /**
   * One that was asked for, and has come.
   * @param hasMore whether more are waiting behind it
   * @returns false: there is no place for it, nor a place to wait
   */
  take(name: string, item: T, hasMore: boolean): boolean {
    const lane = this.#lanes.get(name);
    if (this.#isStopped || lane === undefined || this.#held >= this.#options.places) {
      if (lane === undefined) return false;
      lane.hasMore = true;
      this.#hungry.add(lane);
      return false;
    }
    lane.held.push(item);
    lane.hasMore = hasMore;
    this.#held++;
    this.#hungry.add(lane);
    this.#look();
    return true;
  }

  /** Starts no more. @returns those that have come and were not started */
  stop(): T[] {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const held = [...this.#lanes.values()].flatMap((lane) => lane.held.splice(0));
    this.#held = 0;
    return held;
  }

  /** Resolves when none runs. */
  async whenIdle(): Promise<void> {
    if (this.#running === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** What was asked for may have been forgotten: asks anew where nothing is asked. To be called now and then. */
  look(): void {
    for (const lane of this.#lanes.values()) this.#hungry.add(lane);
    this.#look();
  }

  /** Starts what may be started, and asks for what could be. */
  #look(): void {
    if (this.#isStopped) return;
    // One of each in turn; who was served comes last the next time.
    for (let started = true; started && this.#held > 0; ) {
      started = false;
      for (const lane of [...this.#hungry]) {
        if (lane.held.length === 0 || this.#room(lane) === 0) continue;
        this.#start(lane);
        this.#hungry.delete(lane);
        this.#hungry.add(lane);
        started = true;
      }
    }
    const hungry = [...this.#hungry];
    let expected = 0;
    for (const lane of hungry) expected += this.#expected(lane);
    for (const lane of hungry)
      expected += this.#ask(lane, this.#options.places - this.#running - this.#held - expected);
  }

  /** How many of a lane will come at once. */
  #expected(lane: Lane<T>): number {
    const asked = lane.source?.asked ?? 0;
    if (!lane.hasMore || asked === 0) return 0;
    if (this.#options.now() - lane.askedAtMs < COMES_WITHIN_MS) return asked;
    lane.hasMore = false;
    return 0;
  }

  /**
   * Where none is known to wait one is asked for, so that it comes as soon as there is one; where more wait, as many as may be started.
   * @param places for what comes at once: a thousand lanes in which calls wait must not send more than that
   * @returns how many will come at once
   */
  #ask(lane: Lane<T>, places: number): number {
    const { source, hasMore } = lane;
    const asked = source?.asked ?? 0;
    const room = this.#room(lane) - lane.held.length;
    const lacking = hasMore ? room - asked : Math.min(room, 1) - asked;
    const wanted = hasMore ? Math.min(lacking, places) : lacking;
    if (hasMore && lacking > 0 && places <= 0) this.#lookAt(this.#options.now() + COMES_WITHIN_MS);
    if (wanted > 0 && source !== undefined) {
      source.ask(wanted);
      lane.askedAtMs = this.#options.now();
      // Others come first the next time.
      this.#hungry.delete(lane);
      this.#hungry.add(lane);
    }
    const isSated = asked + Math.max(0, wanted) > 0 && !hasMore;
    if (lane.held.length === 0 && (source === undefined || isSated)) this.#hungry.delete(lane);
    return hasMore && source !== undefined ? Math.max(0, wanted) : 0;
  }

  /** How many more of a lane may be started. */
  #room(lane: Lane<T>): number {
    const free = this.#options.places - this.#running;
    // Each that is started takes a free place, and is one more that runs.
    const share = Math.max(0, Math.ceil((free - lane.running) / 2));
    if (!this.#options.isAdaptive) return share;
    const now = this.#options.now();
    if (lane.limit.pausedUntilMs > now) this.#lookAt(lane.limit.pausedUntilMs);
    return Math.max(0, Math.min(share, lane.limit.limitAt(now) - lane.running));
  }

  #start(lane: Lane<T>): void {
    const item = lane.held.shift();
    if (item === undefined) return;
    const { run, now } = this.#options;
    this.#held--;
    this.#running++;
    lane.running++;
    this.#options.onRunning?.(lane.name, lane.running);
    const start = lane.limit.start(now(), lane.running);
    void run(item, lane.name).then((load) => {
      this.#running--;
      lane.running--;
      lane.limit.end(start, load, now());
      this.#options.onRunning?.(lane.name, lane.running);
      this.#hungry.add(lane);
      this.#forgetEmpty(lane);
      if (this.#running === 0) this.#idle?.resolve();
      this.#look();
    });
  }

  #forgetEmpty(lane: Lane<T>): void {
    if (lane.source !== undefined || lane.running > 0 || lane.held.length > 0) return;
    this.#lanes.delete(lane.name);
    this.#hungry.delete(lane);
  }

  #lookAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#look();
      },
      Math.max(1, atMs - this.#options.now() + 1),
    );
  }
}
