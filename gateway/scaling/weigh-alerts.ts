import type { FunctionAlert } from '../../contract/parse-alerts.ts';

/**
 * Alertmanager gives a notification up after 10 s and sends one that failed again with the group's next turn, 2 s later.
 * What comes sooner than this after a step of the same alert is that notification, not the next one: `repeat_interval` must be longer.
 */
export const RETRY_WINDOW_MS = 20_000;

/** Twice `repeat_interval`: an alert that was not heard of for so long is over, or nobody tells of it any more. */
export const FORGOTTEN_AFTER_MS = 60_000;

/** One alert of a function as it was heard last. */
export interface HeardAlert {
  readonly status: 'firing' | 'resolved';
  readonly startsAtMs: number;
  readonly heardAtMs: number;
  /** The step that it led to. */
  readonly step?: { readonly atMs: number; readonly goal: number; readonly isDone: boolean };
}

/** What one notification asks for one function. */
export type AlertVerdict =
  /** A step of the rule. */
  | { readonly wants: 'step' }
  /** The count of a step that was decided before and perhaps not made. */
  | { readonly wants: 'goal'; readonly goal: number }
  | { readonly wants: 'minimum' }
  /** `repeated`: done before. `stale`: it is about the past. `still_firing`: another alert of the function is not resolved. */
  | { readonly wants: 'nothing'; readonly why: 'repeated' | 'stale' | 'still_firing' };

/**
 * One decision for all alerts of a function in a notification, whatever their order: one that fires outweighs those that are resolved.
 * Pure.
 * @param alerts as `latestOf` leaves them
 * @param heard what was heard of the function's alerts before, by their id
 */
export function weighAlerts(
  alerts: readonly FunctionAlert[],
  heard: ReadonlyMap<string, HeardAlert>,
  nowMs: number,
): AlertVerdict {
  const weighed = alerts.map((alert) => ({ alert, news: newsIn(alert, heard, nowMs) }));
  const firing = weighed.filter(({ alert }) => alert.status === 'firing').map(({ news }) => news);
  if (firing.includes('new')) return { wants: 'step' };
  const goals = firing.filter((news) => typeof news === 'object').map(({ goal }) => goal);
  if (goals.length > 0) return { wants: 'goal', goal: Math.max(...goals) };
  if (firing.includes('repeated')) return { wants: 'nothing', why: 'repeated' };

  const resolved = weighed.filter(({ alert, news }) => alert.status === 'resolved' && news === 'new');
  if (resolved.length === 0) {
    return { wants: 'nothing', why: weighed.some(({ news }) => news === 'repeated') ? 'repeated' : 'stale' };
  }
  // One without an occurrence is the word of somebody who knows nothing of the others, and holds at once.
  const isByHand = resolved.some(({ alert }) => alert.occurrence === undefined);
  const ids = new Set(resolved.map(({ alert }) => alert.occurrence?.id));
  return isByHand || !isOtherFiring(heard, ids, nowMs)
    ? { wants: 'minimum' }
    : { wants: 'nothing', why: 'still_firing' };
}

/** Of each alert the latest word, and of two that contradict each other the one that fires. */
export function latestOf(alerts: readonly FunctionAlert[]): FunctionAlert[] {
  const latest = new Map<string, FunctionAlert>();
  for (const alert of alerts) {
    const id = alert.occurrence?.id ?? alert.status;
    const other = latest.get(id);
    if (other === undefined || isLater(alert, other)) latest.set(id, alert);
  }
  return [...latest.values()];
}

function isLater(alert: FunctionAlert, other: FunctionAlert): boolean {
  const since = (alert.occurrence?.startsAtMs ?? 0) - (other.occurrence?.startsAtMs ?? 0);
  return since === 0 ? alert.status === 'firing' : since > 0;
}

function isOtherFiring(
  heard: ReadonlyMap<string, HeardAlert>,
  ids: ReadonlySet<string | undefined>,
  nowMs: number,
): boolean {
  for (const [id, { status, heardAtMs }] of heard)
    if (status === 'firing' && !ids.has(id) && nowMs - heardAtMs <= FORGOTTEN_AFTER_MS) return true;
  return false;
}

type News = 'new' | 'repeated' | 'stale' | { readonly goal: number };

/** What an alert says beyond what was heard of it before; a goal: of a step that may not have been made. */
export function newsIn(
  { status, occurrence }: Pick<FunctionAlert, 'status' | 'occurrence'>,
  heard: ReadonlyMap<string, HeardAlert>,
  nowMs: number,
): News {
  const before = occurrence && heard.get(occurrence.id);
  if (before === undefined || nowMs - before.heardAtMs > FORGOTTEN_AFTER_MS) return 'new';
  if (occurrence?.startsAtMs !== before.startsAtMs)
    return (occurrence?.startsAtMs ?? 0) < before.startsAtMs ? 'stale' : 'new';
  if (before.status === 'resolved') return status === 'resolved' ? 'repeated' : 'stale';
  if (status === 'resolved') return 'new';
  const { step } = before;
  if (step === undefined || nowMs - step.atMs > RETRY_WINDOW_MS) return 'new';
  return step.isDone ? 'repeated' : { goal: step.goal };
}
