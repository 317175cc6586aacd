import type { FunctionRef } from '../../contract/function-ref.ts';
import {
  type FunctionSchedule,
  parseFunctionSchedule,
  SCHEDULE_ANNOTATION,
  SCHEDULE_ANNOTATIONS,
  SCHEDULE_TIMEZONE_ANNOTATION,
} from '../../contract/parse-function-schedule.ts';
import type { Logger } from '../log.ts';
import type { CallStep } from '../queue/call.ts';
import type { CallIntake } from '../queue/call-queue.ts';
import type { KeptProgress, ProgressStore, StoredProgress } from './schedule-progress.ts';
import { scheduledCall } from './scheduled-call.ts';
import { dueTicks, LATE_MS, nextTick, SET_BACK_MS, tickId } from './ticks.ts';

/** A function as the table has it. */
export interface ScheduledFunction {
  readonly ref: FunctionRef;
  /** `name.namespace` */
  readonly key: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; another one for a function that was removed and deployed again. */
  readonly createdAt?: string | undefined;
}

/** `accepted`: a call was made; `missed`: nobody could make it in time; `failed`: it could not be made now, and is tried again. */
export type TickResult = 'accepted' | 'missed' | 'failed';

export interface SchedulerOptions {
  /** Every function as the cluster was read last. */
  readonly functions: () => Iterable<ScheduledFunction>;
  /** Whether a function is known to be there no more. */
  readonly isGone: (key: string) => boolean;
  readonly intake: Pick<CallIntake, 'acceptFirst'>;
  /** The steps of a function's calls. @throws {Error} that says what is wrong with its annotations */
  readonly stepsOf: (fn: ScheduledFunction) => readonly CallStep[];
  readonly store: ProgressStore;
  readonly onTick: (key: string, result: TickResult) => void;
  readonly logger: Logger;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly today?: () => number;
}

interface Read {
  /** What of the annotations was read. */
  readonly text: string;
  readonly of: string;
  readonly schedule: FunctionSchedule | undefined;
  /** No tick comes before. */
  next: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/** Functions whose ticks are dealt with at a time: many have the same minute. */
const MOST_AT_A_TIME = 16;

/**
 * Calls functions at the times of their schedules. One acts at a time; should two do so for a moment, the id of a tick's call and the
 * revision of the progress let one of them through.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #today: () => number;
  readonly #read = new Map<string, Read>();
  #progress: Map<string, StoredProgress> | undefined;
  /** What was told of functions that cannot be called. */
  readonly #problems = new Map<string, string>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#today = options.today ?? Date.now;
  }

  /** Whether any function has a schedule. */
  get isNeeded(): boolean {
    for (const fn of this.#options.functions()) if (this.#readOf(fn).schedule !== undefined) return true;
    return false;
  }

  /** Another one may have acted meanwhile: how far it came is read anew. */
  begin(): void {
    this.#progress = undefined;
    this.#read.clear();
  }

  /** One look at all schedules; what is due is stored when it resolves. @throws {Error} when the store does not answer */
  async look(signal: AbortSignal): Promise<void> {
    this.#progress ??= await this.#options.store.all();
    const now = this.#today();
    const waiting: ScheduledFunction[] = [];
    const present = new Set<string>();
    for (const fn of this.#options.functions()) {
      present.add(fn.key);
      const read = this.#readOf(fn);
      if (read.schedule !== undefined && this.#wantsLook(fn.key, read, now)) waiting.push(fn);
    }
    for (const key of this.#read.keys()) if (!present.has(key)) this.#read.delete(key);
    const workers = Array.from({ length: Math.min(MOST_AT_A_TIME, waiting.length) }, async () => {
      for (let fn = waiting.pop(); fn !== undefined && !signal.aborted; fn = waiting.pop())
        await this.#serve(fn, now, signal);
    });
    const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    await this.#forget(this.#progress, (key) =>
      present.has(key) ? this.#read.get(key)?.schedule === undefined : this.#options.isGone(key),
    );
  }

  /** Each read of the cluster brings annotations anew, and a time in a zone is slow to find. */
  #readOf(fn: ScheduledFunction): Read {
    const text = textOf(fn);
    const known = this.#read.get(fn.key);
    if (known?.text === text) return known;
    const read: Read = { text, of: identity(fn), schedule: this.#parse(fn), next: 0 };
    this.#read.set(fn.key, read);
    return read;
  }

  /** A service that was changed by hand may have any annotations. */
  #parse({ key, annotations }: ScheduledFunction): FunctionSchedule | undefined {
    try {
      return parseFunctionSchedule(annotations);
    } catch (error) {
      this.#tell(key, error as Error);
      return undefined;
    }
  }

  #wantsLook(key: string, read: Read, now: number): boolean {
    const progress = this.#progress?.get(key);
    return progress?.of !== read.of || now >= read.next || progress.until - now > SET_BACK_MS;
  }

  async #serve(fn: ScheduledFunction, now: number, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { key } = fn;
    const read = this.#readOf(fn);
    const { schedule, of } = read;
    if (schedule === undefined) return;
    let progress = this.#progress?.get(key);
    if (progress?.of !== of) {
      const from = Math.floor(now / 1000) * 1000;
      progress = await this.#keep(key, { of, from, until: from }, progress?.revision ?? 0);
    } else if (progress.until - now > SET_BACK_MS) {
      logger.warn('the clock was set back: schedules go on from now', { function: key });
      progress = await this.#keep(key, { ...progress, until: now }, progress.revision);
    }
    const { missed, due } = dueTicks(schedule.rules, progress, now);
    if (missed !== undefined) {
      if (schedule.onMissed === 'once' && !(await this.#call(fn, schedule, missed))) return;
      const { onMissed } = schedule;
      logger.warn('ticks of a schedule were missed', { function: key, first: isoTime(missed), onMissed });
      this.#options.onTick(key, 'missed');
      progress = await this.#keep(key, { ...progress, until: now - LATE_MS }, progress.revision);
    }
    for (const tick of due) {
      if (signal.aborted || !(await this.#call(fn, schedule, tick))) return;
      progress = await this.#keep(key, { ...progress, until: tick }, progress.revision);
    }
    read.next = nextTick(schedule.rules, progress) ?? NEVER;
  }

  /** @returns false: not now */
  async #call(fn: ScheduledFunction, schedule: FunctionSchedule, tick: number): Promise<boolean> {
    const { intake, stepsOf, onTick, logger } = this.#options;
    const { key } = fn;
    const id = tickId(key, tick);
    try {
      const call = scheduledCall({ steps: stepsOf(fn), body: schedule.body, acceptedAt: this.#today() });
      if (await intake.acceptFirst(id, call)) {
        onTick(key, 'accepted');
        logger.info('called by schedule', { function: key, callId: id });
      }
      this.#problems.delete(key);
      return true;
    } catch (error) {
      onTick(key, 'failed');
      this.#tell(key, error as Error);
      return false;
    }
  }

  async #keep(key: string, progress: KeptProgress, seen: number): Promise<StoredProgress> {
    const { of, from, until } = progress;
    const revision = await this.#options.store.write(key, { of, from, until }, seen);
    if (revision === 'conflict') throw new Error(`another gateway keeps the schedule of ${key}`);
    const stored = { of, from, until, revision };
    this.#progress?.set(key, stored);
    return stored;
  }

  /** A function that was removed, or has no schedule any more. */
  async #forget(progress: Map<string, StoredProgress>, isOver: (key: string) => boolean): Promise<void> {
    for (const key of progress.keys()) {
      if (!isOver(key)) continue;
      await this.#options.store.remove(key);
      progress.delete(key);
      this.#problems.delete(key);
    }
  }

  #tell(key: string, { message }: Error): void {
    if (this.#problems.get(key) === message) return;
    this.#problems.set(key, message);
    this.#options.logger.warn('a function cannot be called by its schedule now', {
      function: key,
      reason: message,
    });
  }
}

function textOf({ annotations, createdAt = '' }: ScheduledFunction): string {
  let text = createdAt;
  for (const name of SCHEDULE_ANNOTATIONS) text += `\n${annotations[name] ?? ''}`;
  return text;
}

/** What another schedule, or another function of the same name, does not have. */
function identity({ annotations, createdAt = '' }: ScheduledFunction): string {
  const zone = annotations[SCHEDULE_TIMEZONE_ANNOTATION] ?? '';
  return `${createdAt} ${zone} ${annotations[SCHEDULE_ANNOTATION] ?? ''}`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
