export interface HostLanesOptions {
  /** That run at a time. */
  readonly most: number;
  readonly mostPerHost: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

interface Host<Item> {
  readonly name: string;
  readonly waiting: { readonly item: Item; readonly sinceMs: number }[];
  running: number;
  /** Its last answer came; before there is one, and after none has come, it gets less. */
  isGood: boolean;
  /** How long one takes, smoothed. */
  seconds: number;
  /** Those that were put off and have not come back, about. */
  putOff: number;
}

/** How long one may wait here before it makes room for those of other hosts. */
const PATIENCE_MS = 1000;
/** At a time to a host that did not answer the last time. */
const MOST_TO_BAD_HOST = 2;
const SHORTEST_PUT_OFF_MS = 5000;
const LONGEST_PUT_OFF_MS = 600_000;
const FIRST_SECONDS = 0.1;
/** Hosts that are remembered while there is nothing for them. */
const MOST_REMEMBERED = 1000;

/**
 * Who is next, when some hosts are slow or hang: each has its own line, they are served in turn, those that are not known to answer get
 * half of the places at most, and what waits too long in one line is put off rather than held.
 */
export class HostLanes<Item> {
  readonly #options: HostLanesOptions;
  /** Who was served last is the last. */
  readonly #hosts = new Map<string, Host<Item>>();
  #held = 0;
  #running = 0;
  #runningDoubtful = 0;

  constructor(options: HostLanesOptions) {
    this.#options = options;
  }

  /** Waiting and running. */
  get held(): number {
    return this.#held;
  }

  get running(): number {
    return this.#running;
  }

  add(name: string, item: Item): void {
    this.#hostOf(name).waiting.push({ item, sinceMs: this.#options.now() });
    this.#held++;
  }

  /** Takes the next one that may run. @returns undefined: none may, for now. `done` is called when it has */
  next(): { readonly item: Item; done(result: { seconds: number; isAnswered: boolean }): void } | undefined {
    if (this.#running >= this.#options.most) return undefined;
    for (const host of this.#hosts.values()) {
      if (!this.#mayRun(host)) continue;
      const first = host.waiting.shift();
      if (first === undefined) continue;
      this.#hosts.delete(host.name);
      this.#hosts.set(host.name, host);
      const { isGood } = host;
      host.running++;
      this.#running++;
      if (!isGood) this.#runningDoubtful++;
      return {
        item: first.item,
        done: ({ seconds, isAnswered }) => {
          host.running--;
          this.#running--;
          this.#held--;
          if (!isGood) this.#runningDoubtful--;
          host.isGood = isAnswered;
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
    return host.isGood || this.#runningDoubtful < Math.max(1, Math.floor(this.#options.most / 2));
  }

  #placesOf({ isGood, seconds }: Host<Item>): number {
    const { mostPerHost } = this.#options;
    // One that nothing is known of yet is as good as any, as far as it is alone.
    return isGood || seconds === FIRST_SECONDS ? mostPerHost : Math.min(MOST_TO_BAD_HOST, mostPerHost);
  }

  #hostOf(name: string): Host<Item> {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const host = { name, waiting: [], running: 0, isGood: false, seconds: FIRST_SECONDS, putOff: 0 };
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
