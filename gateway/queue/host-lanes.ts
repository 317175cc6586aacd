export interface HostLanesOptions {
  /** That run at a time. */
  readonly most: number;
  readonly mostPerHost: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

type Trust = 'good' | 'unknown' | 'bad';

interface Host<Item> {
  readonly name: string;
  readonly waiting: { readonly item: Item; readonly sinceMs: number }[];
  running: number;
  /** By whether its last answer came. */
  trust: Trust;
  /** How long one takes, smoothed. */
  seconds: number;
  /** Those that were put off and have not come back, about. */
  putOff: number;
}

/** How long one may wait here before it makes room for those of other hosts. */
const PATIENCE_MS = 1000;
/** At a time to one host. */
const MOST_TO: Readonly<Record<Trust, number>> = { good: Number.POSITIVE_INFINITY, unknown: 2, bad: 1 };
/** Of all places, to such hosts together: those that are known to answer always have half of them. */
const SHARE_OF: Readonly<Record<Trust, number>> = { good: 1, unknown: 1 / 2, bad: 1 / 4 };
const SHORTEST_PUT_OFF_MS = 5000;
const LONGEST_PUT_OFF_MS = 600_000;
const FIRST_SECONDS = 0.1;
/** Hosts that are remembered while there is nothing for them. */
const MOST_REMEMBERED = 1000;

/**
 * Who is next, when some hosts are slow or hang: each has its own line, they are served in turn, those that are not known to answer get
 * less, and what waits too long in one line is put off rather than held.
 */
export class HostLanes<Item> {
  readonly #options: HostLanesOptions;
  /** Who was served last is the last. */
  readonly #hosts = new Map<string, Host<Item>>();
  #held = 0;
  /** To hosts of no more trust than that. */
  readonly #runningTo: Record<Trust, number> = { good: 0, unknown: 0, bad: 0 };

  constructor(options: HostLanesOptions) {
    this.#options = options;
  }

  /** Waiting and running. */
  get held(): number {
    return this.#held;
  }

  get running(): number {
    return this.#runningTo.good;
  }

  add(name: string, item: Item): void {
    this.#hostOf(name).waiting.push({ item, sinceMs: this.#options.now() });
    this.#held++;
  }

  /** Takes the next one that may run. @returns undefined: none may, for now. `done` is called when it has */
  next(): { readonly item: Item; done(result: { seconds: number; isAnswered: boolean }): void } | undefined {
    for (const host of this.#hosts.values()) {
      if (!this.#mayRun(host)) continue;
      const first = host.waiting.shift();
      if (first === undefined) continue;
      this.#hosts.delete(host.name);
      this.#hosts.set(host.name, host);
      const { trust } = host;
      host.running++;
      this.#count(trust, 1);
      return {
        item: first.item,
        done: ({ seconds, isAnswered }) => {
          host.running--;
          this.#held--;
          this.#count(trust, -1);
          host.trust = isAnswered ? 'good' : 'bad';
          host.seconds += (seconds - host.seconds) / 4;
          const keepsUp = isAnswered && seconds * 1000 < PATIENCE_MS && host.waiting.length === 0;
          host.putOff = keepsUp ? 0 : Math.max(0, host.putOff - 1);
          this.#forgetSome();
        },
      };
    }
    return undefined;
  }

  /** Takes those that have waited too long, each with how long it is to stay away: as long as the host needs for those before it. */
  takeImpatient(): { readonly item: Item; readonly delayMs: number }[] {
    const since = this.#options.now() - PATIENCE_MS;
    const taken: { readonly item: Item; readonly delayMs: number }[] = [];
    for (const host of this.#hosts.values()) {
      // Once one was put off, those behind it need not be patient.
      const isSlow = host.putOff > 0 && host.running > 0;
      while (host.waiting[0] !== undefined && (isSlow || host.waiting[0].sinceMs <= since)) {
        const [first] = host.waiting.splice(0, 1);
        if (first === undefined) break;
        this.#held--;
        const spacingMs = (host.seconds * 1000) / this.#placesOf(host);
        const delayMs = Math.min(SHORTEST_PUT_OFF_MS + spacingMs * host.putOff++, LONGEST_PUT_OFF_MS);
        taken.push({ item: first.item, delayMs });
      }
    }
    return taken;
  }

  /** Takes all that wait. */
  takeWaiting(): Item[] {
    const taken: Item[] = [];
    for (const { waiting } of this.#hosts.values()) {
      for (const { item } of waiting.splice(0)) taken.push(item);
    }
    this.#held -= taken.length;
    return taken;
  }

  #mayRun(host: Host<Item>): boolean {
    if (host.waiting.length === 0 || host.running >= this.#placesOf(host)) return false;
    const share = Math.max(1, Math.floor(this.#options.most * SHARE_OF[host.trust]));
    return this.#runningTo[host.trust] < share;
  }

  #placesOf({ trust }: Host<Item>): number {
    return Math.min(MOST_TO[trust], this.#options.mostPerHost);
  }

  #count(trust: Trust, by: 1 | -1): void {
    this.#runningTo.good += by;
    if (trust !== 'good') this.#runningTo.unknown += by;
    if (trust === 'bad') this.#runningTo.bad += by;
  }

  #hostOf(name: string): Host<Item> {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const host: Host<Item> = {
      name,
      waiting: [],
      running: 0,
      trust: 'unknown',
      seconds: FIRST_SECONDS,
      putOff: 0,
    };
    this.#hosts.set(name, host);
    return host;
  }

  #forgetSome(): void {
    for (const { name, waiting, running } of this.#hosts.values()) {
      if (this.#hosts.size <= MOST_REMEMBERED) return;
      if (waiting.length === 0 && running === 0) this.#hosts.delete(name);
    }
  }
}
