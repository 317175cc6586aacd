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
}

/**
 * A worker's places, shared by functions: one may start another call while it runs fewer than there are free places. So one that
 * is slow never has all of them, and with several that want more each comes to the same share.
 */
export class Lanes<T> {
  readonly #options: LanesOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  #running = 0;
  #held = 0;
  /** Who was asked last: the next one comes first. */
  #turn = 0;
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
      if (source === undefined) this.#forgetEmpty(lane);
    } else if (source !== undefined) {
      const limit = new AdaptiveLimit(this.#options.places);
      this.#lanes.set(name, { name, limit, held: [], source, running: 0, hasMore: false });
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
      this.#look();
      return false;
    }
    lane.held.push(item);
    lane.hasMore = hasMore;
    this.#held++;
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

  /** Starts what may be started, and asks for what could be. */
  #look(): void {
    if (this.#isStopped) return;
    const lanes = [...this.#lanes.values()];
    const first = this.#turn++;
    for (let started = true; started && this.#held > 0; ) {
      started = false;
      for (let i = 0; i < lanes.length; i++) {
        const lane = lanes[(first + i) % lanes.length];
        if (lane === undefined || lane.held.length === 0 || this.#room(lane) === 0) continue;
        this.#start(lane);
        started = true;
      }
    }
    for (const lane of lanes) this.#ask(lane);
  }

  #ask(lane: Lane<T>): void {
    const { source } = lane;
    if (source === undefined) return;
    // One is asked for where none is known to wait: a thousand idle lanes must not bring a thousand times as many as there are places.
    const room = this.#room(lane) - lane.held.length;
    const wanted = Math.min(room, lane.hasMore ? room : 1) - source.asked;
    if (wanted > 0) source.ask(wanted);
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
      this.#forgetEmpty(lane);
      if (this.#running === 0) this.#idle?.resolve();
      this.#look();
    });
  }

  #forgetEmpty(lane: Lane<T>): void {
    if (lane.source === undefined && lane.running === 0 && lane.held.length === 0)
      this.#lanes.delete(lane.name);
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
