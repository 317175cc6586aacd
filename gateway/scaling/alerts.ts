import { ContractError } from '../../contract/contract-error.ts';
import { type FunctionRef, qualifiedName, splitFunctionName } from '../../contract/function-ref.ts';
import type { FunctionStatus } from '../../contract/function-types.ts';
import type { AlertEntry, FunctionAlert } from '../../contract/parse-alerts.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { AlertMemory, type AlertNews } from './alert-memory.ts';
import type { ReplicaScaler } from './apply.ts';
import { desiredReplicas } from './desired-replicas.ts';
import { mostAtATime } from './most-at-a-time.ts';
import { minimumAt } from './schedule.ts';
import { TellOnce } from './tell-once.ts';
import { type AlertVerdict, latestOf } from './weigh-alerts.ts';

const TYPE = 'com.openfaas.scale.type';

/** Half of what Alertmanager gives a notification, so that it hears why before it gives up. */
const TIMEOUT_MS = 5000;

/** Functions of all notifications whose count is being changed: the engine has others to answer, too. */
const MOST_CHANGES = 16;

/** Names in one line of the log. */
const MOST_NAMES = 5;

type Labels = Readonly<Record<string, string>>;

/** One alert of a notification, and what became of it. */
export interface HandledAlert {
  readonly status: FunctionAlert['status'];
  readonly result: 'applied' | 'unchanged' | 'ignored' | 'failed';
}

export interface AlertScalerOptions {
  readonly scaler: Pick<ReplicaScaler, 'change'>;
  readonly logger: Logger;
  readonly defaultNamespace: string;
  /** What is known of a function without asking the cluster: its labels, that there is none of the name, or nothing yet. Default: nothing. */
  readonly known?: (ref: FunctionRef) => Labels | 'no_such_function' | 'not_read';
  /** What alerts lead to here, for other gateways to hear. */
  readonly onNews?: (news: AlertNews) => void;
  /** One alert was dealt with. */
  readonly onHandled?: (alert: HandledAlert) => void;
  /** Longest wait of a notification for those before it and the cluster. Default 5000. */
  readonly timeoutMs?: number;
  /** Milliseconds that only grow. Default: `performance.now`. */
  readonly now?: () => number;
}

/** What became of a notification. */
export interface AlertReport {
  /** `the name as the alert had it: the reason`, for each function that could not be scaled now: sending it again may help. */
  readonly failures: readonly string[];
  /** Why an entry could not be read, for each such entry. */
  readonly unreadable: readonly string[];
}

/** The alerts of one notification about one function. */
interface Concern {
  readonly ref: FunctionRef;
  readonly key: string;
  /** The first name by which it was called. */
  readonly name: string;
  readonly alerts: FunctionAlert[];
}

type Outcome =
  | { readonly kind: 'done'; readonly wants: AlertVerdict['wants']; readonly isChanged: boolean }
  | { readonly kind: 'no_such_function' }
  /** `isTold`: the log has it from an earlier notification. */
  | { readonly kind: 'own_type'; readonly isTold: boolean }
  | { readonly kind: 'wrong'; readonly isTold: boolean; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: Error };

interface Handled {
  readonly concern: Concern;
  readonly outcome: Outcome;
}

/**
 * Applies alerts to replica counts: one decision a function and notification, those of one function one after the other, those of
 * different ones side by side. The same notification again changes nothing more.
 */
export class AlertScaler {
  readonly #options: AlertScalerOptions;
  readonly #memory = new AlertMemory();
  readonly #inTurn = mostAtATime(MOST_CHANGES);
  readonly #told = new TellOnce();

  constructor(options: AlertScalerOptions) {
    this.#options = options;
  }

  /** Every function is tried, whatever becomes of the others. */
  async handle(entries: readonly AlertEntry[]): Promise<AlertReport> {
    const unreadable = entries.filter((entry) => entry instanceof ContractError);
    const concerns = this.#byFunction(
      entries.filter((entry): entry is FunctionAlert => !(entry instanceof ContractError)),
    );
    const deadlineMs = this.#now() + (this.#options.timeoutMs ?? TIMEOUT_MS);
    const outcomes = await Promise.all(
      concerns.map(async (concern) => ({ concern, outcome: await this.#settle(concern, deadlineMs) })),
    );
    for (const { concern, outcome } of outcomes) this.#count(concern, outcome);
    this.#tell(outcomes);
    return {
      failures: outcomes.flatMap(({ concern, outcome }) =>
        outcome.kind === 'failed' ? [`${concern.name}: ${outcome.error.message}`] : [],
      ),
      unreadable: unreadable.map(({ message }) => message),
    };
  }

  /** When an alert of the function fired last, by `now`; undefined: not lately, or it is resolved. @param key `name.namespace` */
  firedMs(key: string): number | undefined {
    return this.#memory.firedMs(key, this.#now());
  }

  /** Another gateway was told of these alerts, and has done what they ask for: here they are nothing new. */
  heard(news: AlertNews): void {
    this.#memory.keep(news, this.#now());
  }

  #keep(news: AlertNews): void {
    this.heard(news);
    this.#options.onNews?.(news);
  }

  #byFunction(alerts: readonly FunctionAlert[]): Concern[] {
    const concerns = new Map<string, Concern>();
    for (const alert of alerts) {
      const ref = splitFunctionName(alert.functionName, this.#options.defaultNamespace);
      const key = qualifiedName(ref);
      const concern = concerns.get(key);
      if (concern === undefined) concerns.set(key, { ref, key, name: alert.functionName, alerts: [alert] });
      else concern.alerts.push(alert);
    }
    return [...concerns.values()];
  }

  async #settle(concern: Concern, deadlineMs: number): Promise<Outcome> {
    const known = this.#options.known?.(concern.ref) ?? 'not_read';
    if (known === 'no_such_function') return { kind: known };
    if (known !== 'not_read' && hasOwnType(known)) return this.#leaveAlone(concern);
    try {
      const done = await this.#inTurn(() => this.#apply(concern, deadlineMs - this.#now()));
      return done ?? this.#leaveAlone(concern);
    } catch (error) {
      if (error instanceof FaasError && error.code === 'function_not_found')
        return { kind: 'no_such_function' };
      // Alertmanager sends what is not answered 200 again and again; nothing of this gets better by that.
      if (error instanceof ContractError || (error instanceof FaasError && error.status < 500)) {
        const reason = error.message;
        return { kind: 'wrong', isTold: !this.#told.isNew(concern.key, reason), reason };
      }
      return { kind: 'failed', error: error as Error };
    }
  }

  #leaveAlone({ key }: Concern): Outcome {
    return { kind: 'own_type', isTold: !this.#told.isNew(key, TYPE) };
  }

  /** Resolves with undefined for a function that something else scales. */
  async #apply({ ref, key, alerts: told }: Concern, withinMs: number): Promise<Outcome | undefined> {
    // One of thousands behind a slow cluster: nobody waits for it any more.
    if (withinMs <= 0) throw new FaasError('provider_unavailable', 'the cluster did not answer in time');
    const alerts = latestOf(told);
    const decided: { wants?: AlertVerdict['wants'] } = {};
    const about: { status?: string | undefined } = {};
    const scaling = await this.#options.scaler.change(ref, {
      cause: 'alert',
      limit: AbortSignal.timeout(Math.ceil(withinMs)),
      about,
      decide: (now) => {
        if (hasOwnType(now.labels ?? {})) return now.replicas;
        const verdict = this.#memory.weigh(key, alerts, this.#now());
        const goal = countFor(verdict, now);
        this.#keep({ key, alerts, goal, isDone: false });
        decided.wants = verdict.wants;
        about.status = statusOf(verdict.wants);
        return goal;
      },
    });
    const { wants } = decided;
    if (wants === undefined) return undefined;
    this.#keep({ key, alerts, goal: 0, isDone: true });
    return { kind: 'done', wants, isChanged: scaling !== undefined };
  }

  #count({ alerts }: Concern, outcome: Outcome): void {
    const { onHandled } = this.#options;
    if (onHandled === undefined) return;
    for (const { status } of alerts) onHandled({ status, result: resultOf(status, outcome) });
  }

  /** One line for all that is alike, however many there are. */
  #tell(handled: readonly Handled[]): void {
    const { logger } = this.#options;
    const unknown = handled.filter(({ outcome }) => outcome.kind === 'no_such_function');
    if (unknown.length > 0) logger.info('alerts for unknown functions passed over', naming(unknown));
    const typed = handled.filter(({ outcome }) => outcome.kind === 'own_type' && !outcome.isTold);
    if (typed.length > 0) logger.info(`alerts do not scale functions with the label ${TYPE}`, naming(typed));
    for (const { concern, outcome } of handled) {
      if (outcome.kind !== 'wrong' || outcome.isTold) continue;
      logger.warn('a function cannot be scaled by alerts', {
        function: concern.key,
        reason: outcome.reason,
      });
    }
    const failed = handled.filter(({ outcome }) => outcome.kind === 'failed');
    const [first] = failed;
    if (first?.outcome.kind === 'failed')
      logger.error('alerts could not be applied', { ...naming(failed), error: first.outcome.error });
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }
}

function hasOwnType(labels: Labels): boolean {
  return Object.hasOwn(labels, TYPE) && labels[TYPE] !== '';
}

/** @throws {ContractError} for a label that got in wrong */
function countFor(verdict: AlertVerdict, { replicas: current, labels }: FunctionStatus): number {
  const parsed = parseScaleLabels(labels ?? {});
  const rules = { ...parsed, min: minimumAt(parsed, Date.now()) };
  switch (verdict.wants) {
    case 'step':
      return desiredReplicas({ ...rules, alert: 'firing', current });
    case 'goal':
      return Math.max(current, Math.min(verdict.goal, rules.max));
    case 'minimum':
      return desiredReplicas({ ...rules, alert: 'resolved', current });
    case 'nothing':
      return current;
  }
}

function statusOf(wants: AlertVerdict['wants']): FunctionAlert['status'] | undefined {
  if (wants === 'nothing') return undefined;
  return wants === 'minimum' ? 'resolved' : 'firing';
}

function resultOf(status: FunctionAlert['status'], outcome: Outcome): HandledAlert['result'] {
  if (outcome.kind === 'failed') return 'failed';
  if (outcome.kind !== 'done' || status !== statusOf(outcome.wants)) return 'ignored';
  return outcome.isChanged ? 'applied' : 'unchanged';
}

function naming(handled: readonly Handled[]): { functions: string[]; count: number } {
  return {
    functions: handled.slice(0, MOST_NAMES).map(({ concern }) => concern.name.slice(0, 150)),
    count: handled.length,
  };
}
