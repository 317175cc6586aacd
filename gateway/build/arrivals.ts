import { FaasError } from '../errors.ts';

/** What strangers may send: so many requests at a time, and none that takes for ever. */
export interface ArrivalLimits {
  readonly most: number;
  /** Longest that one may take, in all. */
  readonly longestMs: number;
  /** What it must come in with, on average, once it has had some time to begin. */
  readonly leastBytesPerSecond: number;
  readonly graceMs: number;
  /** How long one is left alone before it may have to give its place to another. */
  readonly settleMs: number;
  /** What comes in this fast, on average, keeps its place. */
  readonly keepBytesPerSecond: number;
}

export const ARRIVAL_LIMITS: ArrivalLimits = {
  most: 16,
  longestMs: 15 * 60_000,
  leastBytesPerSecond: 64 * 1024, // 512 kbit/s
  graceMs: 10_000,
  settleMs: 2000,
  keepBytesPerSecond: 1024 * 1024,
};

/** One request that comes in. */
export interface Arrival {
  /** Aborts with a FaasError when it is too slow, or the slowest while others want its place. */
  readonly signal: AbortSignal;
  readonly count: (bytes: number) => void;
  readonly end: () => void;
}

/** How soon another try makes sense. */
const RETRY_AFTER_SECONDS = 10;

/**
 * Places of requests that come in. When all are taken the next one gets that of the slowest of those whose address holds the most places,
 * the next one's own counted, unless that is fast enough to be gone soon, or has just begun. So who would keep others out must send that
 * much himself; and not from one address, since what holds more than half of the places gives them to others however fast it is.
 */
export class Arrivals {
  readonly #limits: ArrivalLimits;
  readonly #here = new Set<Coming>();

  constructor(limits: Partial<ArrivalLimits> = {}) {
    this.#limits = { ...ARRIVAL_LIMITS, ...limits };
  }

  /**
   * @param address of the client, the same for all that come through one proxy
   * @throws {FaasError} `builder_busy` when all places are taken, and those it could have are fast, or have had no time yet
   */
  take(address: string): Arrival {
    if (this.#here.size >= this.#limits.most) this.#makeRoom(address);
    const coming = new Coming(address, this.#limits);
    this.#here.add(coming);
    return {
      signal: coming.signal,
      count: (bytes) => coming.count(bytes),
      end: () => {
        coming.end();
        this.#here.delete(coming);
      },
    };
  }

  #makeRoom(forAddress: string): void {
    const places = new Map([[forAddress, 1]]);
    for (const { address } of this.#here) places.set(address, (places.get(address) ?? 0) + 1);
    const most = Math.max(...places.values());
    const mayKeep = ({ address, ageMs, bytesPerSecond }: Coming): boolean =>
      (address === forAddress || most <= this.#limits.most / 2) &&
      (ageMs < this.#limits.settleMs || bytesPerSecond >= this.#limits.keepBytesPerSecond);
    const slowest = [...this.#here]
      .filter((coming) => places.get(coming.address) === most && !mayKeep(coming))
      .toSorted((a, b) => a.bytesPerSecond - b.bytesPerSecond)[0];
    if (slowest === undefined) throw busy(`${this.#here.size} build requests come in already`);
    this.#here.delete(slowest);
    slowest.end(
      busy(
        `of ${this.#limits.most} build requests that came in this was the slowest, and another wanted its place`,
      ),
    );
  }
}

class Coming {
  readonly address: string;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #began = performance.now();
  #bytes = 0;

  constructor(address: string, limits: ArrivalLimits) {
    this.address = address;
    this.#timer = setInterval(() => this.#look(limits), Math.min(limits.graceMs, limits.longestMs, 1000));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ageMs(): number {
    return performance.now() - this.#began;
  }

  get bytesPerSecond(): number {
    return (this.#bytes * 1000) / Math.max(this.ageMs, 1);
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  end(reason?: FaasError): void {
    clearInterval(this.#timer);
    if (reason !== undefined) this.#controller.abort(reason);
  }

  #look({ longestMs, leastBytesPerSecond, graceMs }: ArrivalLimits): void {
    const { ageMs } = this;
    if (ageMs >= longestMs) {
      this.end(tooSlow(`took longer than ${longestMs / 1000} s to come in`));
    } else if (this.#bytes < ((ageMs - graceMs) * leastBytesPerSecond) / 1000) {
      this.end(
        tooSlow(`takes too long to come in: at least ${leastBytesPerSecond} bytes a second are expected`),
      );
    }
  }
}

function tooSlow(how: string): FaasError {
  return new FaasError('invalid_request', `the build request ${how}`);
}

function busy(why: string): FaasError {
  return new FaasError('builder_busy', `${why}: try again in a while`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
