import type { FunctionLoad, GatewayLoad } from './function-load.ts';

export type GatewayLoads = Iterable<readonly [name: string, load: GatewayLoad]>;

/** Far more than a cluster has: whoever tells of more is no gateway. */
const MOST_GATEWAYS = 100;
const MOST_FUNCTIONS = 50_000;
/** No other gateway's id. */
const OWN = '';
const FOREVER = Number.POSITIVE_INFINITY;

interface Told {
  started: number;
  inFlight: number;
  /** In which of its gateway's presences it was told last. */
  presence: number;
  /** In which of its gateway's whole tellings it was told last. */
  telling: number;
}

interface KnownGateway {
  readonly functions: Map<string, Told>;
  heardAtMs: number;
  /** Grows when it comes back after a silence. */
  presence: number;
  /** In this presence it has told all it has: a function not heard of then is new, and its count began at 0. */
  hasToldAll: boolean;
  telling: number;
}

export interface SummedLoadsOptions {
  /** After so long a silence a gateway's calls in flight count no more. */
  readonly expiresMs: number;
  /** After so long a silence nothing is remembered of it. */
  readonly forgottenMs: number;
}

/**
 * What all gateways have together. Each tells counts that only grow, so a telling that was lost takes nothing away, and one that goes
 * away leaves nothing negative behind. Pure: time comes in as an argument.
 */
export class SummedLoads {
  readonly #options: SummedLoadsOptions;
  readonly #gateways = new Map<string, KnownGateway>();
  /** Since the last `take`. */
  #started = new Map<string, number>();

  constructor(options: SummedLoadsOptions) {
    this.#options = options;
    // It has counted nothing yet: its first counts are calls of now.
    this.#heard(OWN, FOREVER).hasToldAll = true;
  }

  /** The others whose calls count. */
  others(nowMs: number): string[] {
    return [...this.#gateways.keys()].filter((id) => id !== OWN && this.isPresent(id, nowMs));
  }

  isPresent(id: string, nowMs: number): boolean {
    const known = this.#gateways.get(id);
    return known !== undefined && (id === OWN || nowMs - known.heardAtMs < this.#options.expiresMs);
  }

  /** All that this gateway itself has, since it began. It is always present. */
  tellOwn(loads: GatewayLoads): void {
    this.beginAll(OWN, FOREVER);
    this.tellSome(OWN, loads, FOREVER);
    this.endAll(OWN, FOREVER);
  }

  /** Some of what a gateway has: what is not named is as it was. @throws {Error} for more functions, or more gateways, than can be */
  tellSome(id: string, loads: GatewayLoads, nowMs: number): void {
    const gateway = this.#heard(id, nowMs);
    for (const [name, load] of loads) {
      this.#count(gateway, name, load);
      if (gateway.functions.size > MOST_FUNCTIONS && id !== OWN) {
        this.leave(id);
        throw new Error(`more than ${MOST_FUNCTIONS} functions`);
      }
    }
  }

  /** A gateway is about to tell all it has, in one part or several. */
  beginAll(id: string, nowMs: number): void {
    this.#heard(id, nowMs).telling++;
  }

  /** It has told all it has since `beginAll`: what was not named it has no more. */
  endAll(id: string, nowMs: number): void {
    const gateway = this.#heard(id, nowMs);
    gateway.hasToldAll = true;
    for (const [name, told] of gateway.functions) {
      if (told.telling !== gateway.telling) gateway.functions.delete(name);
    }
  }

  leave(id: string): void {
    this.#gateways.delete(id);
  }

  /** What there is now, with the calls that were accepted since the last time. Functions that nobody has told of are missing. */
  take(nowMs: number): Map<string, FunctionLoad> {
    const inFlight = new Map<string, number>();
    for (const [id, gateway] of this.#gateways) {
      const silentMs = nowMs - gateway.heardAtMs;
      if (silentMs >= this.#options.forgottenMs) this.#gateways.delete(id);
      if (silentMs >= this.#options.expiresMs) continue;
      for (const [name, told] of gateway.functions) {
        inFlight.set(name, (inFlight.get(name) ?? 0) + told.inFlight);
      }
    }
    const sums = new Map<string, FunctionLoad>();
    for (const [name, sum] of inFlight) {
      sums.set(name, { started: this.#started.get(name) ?? 0, inFlight: sum });
    }
    for (const [name, started] of this.#started) {
      if (!sums.has(name)) sums.set(name, { started, inFlight: 0 });
    }
    this.#started = new Map();
    return sums;
  }

  #heard(id: string, nowMs: number): KnownGateway {
    let gateway = this.#gateways.get(id);
    if (gateway === undefined) {
      if (this.#gateways.size >= MOST_GATEWAYS) throw new Error(`more than ${MOST_GATEWAYS} gateways`);
      gateway = { functions: new Map(), heardAtMs: nowMs, presence: 0, hasToldAll: false, telling: 0 };
      this.#gateways.set(id, gateway);
    } else if (!this.isPresent(id, nowMs)) {
      gateway.presence++;
      gateway.hasToldAll = false;
    }
    gateway.heardAtMs = nowMs;
    return gateway;
  }

  #count(gateway: KnownGateway, name: string, { started, inFlight }: GatewayLoad): void {
    const { presence, telling } = gateway;
    const before = gateway.functions.get(name);
    if (before === undefined) {
      if (gateway.hasToldAll) this.#add(name, started);
      gateway.functions.set(name, { started, inFlight, presence, telling });
      return;
    }
    // A count that fell began anew: the function was removed and deployed again.
    const more = started < before.started ? started : started - before.started;
    // Of calls during a silence nobody knows when they were. One tells that the function was in use, and makes no burst of them.
    this.#add(name, before.presence === presence ? more : Math.min(1, more));
    before.started = started;
    before.inFlight = inFlight;
    before.presence = presence;
    before.telling = telling;
  }

  #add(name: string, started: number): void {
    if (started > 0) this.#started.set(name, (this.#started.get(name) ?? 0) + started);
  }
}
