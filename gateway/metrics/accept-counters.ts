import { familyText, labelText } from './family-text.ts';

/** Calls to be run later, as they came since these were taken last; plain data. */
export interface AcceptDelta {
  /** By `name.namespace`. */
  readonly accepted: readonly (readonly [key: string, count: number])[];
  /** By the code of the error. */
  readonly refused: readonly (readonly [code: string, count: number])[];
}

/** Counts what comes to be run later in one process. */
export class AcceptCounters {
  readonly #accepted = new Map<string, number>();
  readonly #refused = new Map<string, number>();

  /** @param key `name.namespace` */
  accepted(key: string): void {
    add(this.#accepted, key, 1);
  }

  refused(_key: string, code: string): void {
    add(this.#refused, code, 1);
  }

  /** What has happened since this was called last; undefined: nothing. */
  take(): AcceptDelta | undefined {
    if (this.#accepted.size === 0 && this.#refused.size === 0) return undefined;
    const delta = { accepted: [...this.#accepted], refused: [...this.#refused] };
    this.#accepted.clear();
    this.#refused.clear();
    return delta;
  }
}

/** Reasons that are the platform's own: they have series before the first of them. */
const OWN_REASONS = ['queue_unavailable', 'queue_full', 'queue_not_served'];

/** What all processes have counted, since the gateway began. */
export class AcceptTotals {
  readonly #accepted = new Map<string, number>();
  readonly #refused = new Map(OWN_REASONS.map((reason) => [reason, 0]));

  add({ accepted, refused }: AcceptDelta): void {
    for (const [key, count] of accepted) add(this.#accepted, key, count);
    for (const [code, count] of refused) add(this.#refused, code, count);
  }

  /** @param keys of the functions that there are: each has a series, and no other */
  text(keys: Iterable<string>): string {
    const there = new Set(keys);
    for (const key of this.#accepted.keys()) if (!there.has(key)) this.#accepted.delete(key);
    return [
      familyText(
        {
          name: 'gateway_async_accepted_total',
          type: 'counter',
          help: 'Asynchronous calls that were accepted.',
        },
        [...there].map((key) => [labelText({ function_name: key }), this.#accepted.get(key) ?? 0]),
      ),
      familyText(
        {
          name: 'gateway_async_refused_total',
          type: 'counter',
          help: 'Asynchronous calls of deployed functions that were not accepted.',
        },
        [...this.#refused].map(([reason, count]) => [labelText({ reason }), count]),
      ),
    ].join('');
  }
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
