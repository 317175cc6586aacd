import type { FunctionAlert } from '../../contract/parse-alerts.ts';
import {
  type AlertVerdict,
  FORGOTTEN_AFTER_MS,
  type HeardAlert,
  newsIn,
  weighAlerts,
} from './weigh-alerts.ts';

/** What alerts of a function led to, in plain data: for other gateways, that may get the same notification again. */
export interface AlertNews {
  /** `name.namespace` */
  readonly key: string;
  readonly alerts: readonly Pick<FunctionAlert, 'status' | 'occurrence'>[];
  /** The count decided on. */
  readonly goal: number;
  /** Whether the cluster has been asked for it. */
  readonly isDone: boolean;
}

/** Of one function: more than its rules can have. */
const MOST_ALERTS = 1000;

/** What was heard of each function's alerts in the last minute. A gateway that begins anew has heard nothing. */
export class AlertMemory {
  /** By function, then by the alert's id. */
  readonly #heard = new Map<string, Map<string, HeardAlert>>();
  /** When an alert without an id fired last. */
  readonly #byHandMs = new Map<string, number>();
  #prunedAtMs = 0;

  /** @param key `name.namespace` */
  weigh(key: string, alerts: readonly FunctionAlert[], nowMs: number): AlertVerdict {
    return weighAlerts(alerts, this.#heard.get(key) ?? new Map(), nowMs);
  }

  /**
   * Keeps what the alerts led to: before the count is changed, since a change that fails may yet have been made, and after it.
   */
  keep({ key, alerts, goal, isDone }: AlertNews, nowMs: number): void {
    this.#prune(nowMs);
    const heard = this.#heard.get(key) ?? new Map<string, HeardAlert>();
    for (const alert of alerts) {
      const { status, occurrence } = alert;
      if (occurrence === undefined) {
        if (status === 'firing') this.#byHandMs.set(key, nowMs);
        else this.#byHandMs.delete(key);
        continue;
      }
      const news = newsIn(alert, heard, nowMs);
      // A return to the minimum can be asked for twice: it is not kept before it is done.
      if (news === 'stale' || (status === 'resolved' && !isDone)) continue;
      const { id, startsAtMs } = occurrence;
      const before = news === 'new' ? undefined : heard.get(id)?.step;
      const step = before ?? { atMs: nowMs, goal, isDone };
      heard.delete(id); // the oldest stand first
      heard.set(id, {
        status,
        startsAtMs,
        heardAtMs: nowMs,
        ...(status === 'firing' && { step: { ...step, isDone: step.isDone || isDone } }),
      });
    }
    for (const id of heard.keys()) {
      if (heard.size <= MOST_ALERTS) break;
      heard.delete(id);
    }
    if (heard.size > 0) this.#heard.set(key, heard);
  }

  /** When an alert of the function fired last; undefined: not lately, or what fired is resolved. */
  firedMs(key: string, nowMs: number): number | undefined {
    let last = this.#byHandMs.get(key) ?? Number.NEGATIVE_INFINITY;
    for (const { status, heardAtMs } of this.#heard.get(key)?.values() ?? [])
      if (status === 'firing') last = Math.max(last, heardAtMs);
    return nowMs - last <= FORGOTTEN_AFTER_MS ? last : undefined;
  }

  #prune(nowMs: number): void {
    if (nowMs - this.#prunedAtMs < FORGOTTEN_AFTER_MS / 6) return;
    this.#prunedAtMs = nowMs;
    for (const [key, heard] of this.#heard) {
      for (const [id, { heardAtMs }] of heard) if (nowMs - heardAtMs > FORGOTTEN_AFTER_MS) heard.delete(id);
      if (heard.size === 0) this.#heard.delete(key);
    }
    for (const [key, atMs] of this.#byHandMs)
      if (nowMs - atMs > FORGOTTEN_AFTER_MS) this.#byHandMs.delete(key);
  }
}
