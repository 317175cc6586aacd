import type { FunctionLoad, GatewayLoad } from './function-load.ts';
import type { GatewayMessage } from './gateway-message.ts';
import { SummedLoads } from './summed-loads.ts';

type LoadMessage = Extract<GatewayMessage, { kind: 'some' | 'all' }>;

/** A gateway that says nothing for so long is gone. */
const SILENT_MS = 3000;
const FORGOTTEN_MS = 10 * 60_000;
/** Every so many tellings all is told, whether asked or not: a message may be lost. */
const ALL_EVERY = 10;

/** What this gateway tells the others of its calls, and what they tell. Time comes in as an argument, messages go out as values. */
export class LoadExchange {
  readonly #id: string;
  readonly #loads = new SummedLoads({ expiresMs: SILENT_MS, forgottenMs: FORGOTTEN_MS });
  #told: ReadonlyMap<string, GatewayLoad> = new Map();
  #tellings = 0;
  #isAsked = true;
  #asks = true;
  /** Parts of a telling that have come, by gateway. */
  readonly #parts = new Map<string, { readonly telling: number; come: number }>();

  /** @param id of this gateway */
  constructor(id: string) {
    this.#id = id;
  }

  /** The others that have told something lately. */
  others(nowMs: number): string[] {
    return this.#loads.others(nowMs);
  }

  /** Messages may have been lost: all is told, and asked for. */
  beginAnew(): void {
    this.#parts.clear();
    this.#isAsked = true;
    this.#asks = true;
  }

  /** What all have together, with what came since the last time. */
  sum(own: ReadonlyMap<string, GatewayLoad>, nowMs: number): Map<string, FunctionLoad> {
    this.#loads.tellOwn(own);
    for (const id of this.#parts.keys()) if (!this.#loads.isPresent(id, nowMs)) this.#parts.delete(id);
    return this.#loads.take(nowMs);
  }

  /** What the others are to be told now: at least one message. @param most functions in one */
  tell(own: ReadonlyMap<string, GatewayLoad>, most: number): LoadMessage[] {
    const id = this.#id;
    const isAll = this.#tellings++ % ALL_EVERY === 0 || this.#isAsked;
    const asks = this.#asks;
    const before = this.#told;
    this.#told = new Map(own);
    this.#isAsked = false;
    this.#asks = false;
    const messages: LoadMessage[] = [];
    if (!isAll || asks) {
      const changed = [...own].filter(([name, { started, inFlight }]) => {
        const told = before.get(name);
        return told?.started !== started || told.inFlight !== inFlight;
      });
      for (const [index, loads] of inParts(changed, most).entries()) {
        messages.push({ id, kind: 'some', asks: asks && index === 0, loads });
      }
    }
    if (isAll) {
      const called = [...own].filter(([, { started, inFlight }]) => started > 0 || inFlight > 0);
      const all = inParts(called, most);
      for (const [index, loads] of all.entries()) {
        messages.push({
          id,
          kind: 'all',
          telling: this.#tellings,
          part: index + 1,
          parts: all.length,
          loads,
        });
      }
    }
    return messages;
  }

  /** @returns whether that gateway has now told all it has. @throws {Error} for more than there can be */
  hear(message: LoadMessage, nowMs: number): boolean {
    const { id } = message;
    if (message.kind === 'some') {
      if (message.asks) this.#isAsked = true;
      this.#loads.tellSome(id, message.loads, nowMs);
      return false;
    }
    let parts = this.#parts.get(id);
    if (parts?.telling !== message.telling) {
      this.#loads.beginAll(id, nowMs);
      parts = { telling: message.telling, come: 0 };
      this.#parts.set(id, parts);
    }
    parts.come++;
    this.#loads.tellSome(id, message.loads, nowMs);
    if (parts.come !== message.parts) return false;
    this.#loads.endAll(id, nowMs);
    return true;
  }

  leave(id: string): void {
    this.#loads.leave(id);
    this.#parts.delete(id);
  }
}

/** At least one part, which may be empty. */
function inParts<K, V>(entries: readonly (readonly [K, V])[], most: number): ReadonlyMap<K, V>[] {
  return Array.from(
    { length: Math.max(1, Math.ceil(entries.length / most)) },
    (_, index) => new Map(entries.slice(index * most, (index + 1) * most)),
  );
}
