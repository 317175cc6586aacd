import { setTimeout as sleep } from 'node:timers/promises';
import type { TableChanges } from '../data-plane/table-changes.ts';
import type { UnreachableReplica } from '../data-plane/table-keeper.ts';
import { FaasError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AcceptDelta } from '../metrics/accept-counters.ts';
import type { InvocationDelta } from '../metrics/invocation-counters.ts';
import type { WorkerFigures } from '../metrics/worker-metrics.ts';
import { type Ending, Lives } from './lives.ts';
import type { DrainTimes, FromWorker, ToldFailure, ToWorker, WorkerTask } from './messages.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';
import type { Workers } from './workers.ts';

/** Longest wait for workers to take over what they were told: a stuck one must not hold up a deployment. */
const SYNC_MS = 1000;
/** Longest wait for fresh counts before a metrics page is made of those that are there. */
const COUNT_MS = 250;
const TICK_MS = 1000;
/** A worker tells of itself every second. One that has not for this long serves nobody. */
const SILENT_TICKS = 20;
/** For a worker that has finished its calls to end. */
const LEAVE_MS = 2000;

export interface WorkerPoolOptions {
  readonly count: number;
  readonly command: readonly string[];
  /** Asked when a worker begins. */
  readonly task: () => Omit<WorkerTask, 'worker'>;
  /** The table as it is now. */
  readonly table: () => TableChanges;
  /** Gives a function its first replicas. */
  readonly wake: (key: string) => Promise<void>;
  readonly onNudge: () => void;
  readonly onUnreachable: (replica: UnreachableReplica) => void;
  readonly onReport: (worker: number, deltas: readonly InvocationDelta[], figures: WorkerFigures) => void;
  /** Calls to be run later have come. */
  readonly onAccepts: (delta: AcceptDelta) => void;
  /** A worker has ended; told before another takes its place. */
  readonly onGone: (worker: number) => void;
  /** A worker has taken the place of one that ended by itself. */
  readonly onReplaced: (worker: number) => void;
  /** Workers end as soon as they begin: there is no use in going on. */
  readonly onHopeless: (reason: Error) => void;
  readonly logger: Logger;
  /** Between two looks at whether workers are alive. Default 1 s. */
  readonly tickMs?: number;
}

/** A place for a worker, and the process that has it now. */
interface Place {
  readonly worker: number;
  readonly lives: Lives;
  process: WorkerProcess | undefined;
  state: 'starting' | 'listening' | 'draining' | 'drained' | 'gone';
  silentTicks: number;
  /** What it was asked and has not answered; called also when it ends. */
  readonly asked: Map<number, (hasAnswered: boolean) => void>;
  cutOff: number;
}

/** The worker processes: started together, told the same, replaced when they end. */
export class WorkerPool implements Workers {
  readonly #options: WorkerPoolOptions;
  readonly #places: readonly Place[];
  readonly #tickMs: number;
  readonly #tick: ReturnType<typeof setInterval>;
  readonly #allListen = Promise.withResolvers<void>();
  #hasBegun = false;
  #isDraining = false;
  #lastId = 0;
  #onEnded: (() => void) | undefined;

  /** Starts the processes, which wait for {@link begin}. */
  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#tickMs = options.tickMs ?? TICK_MS;
    this.#allListen.promise.catch(() => {}); // told by `begin`
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      worker: index + 1,
      lives: new Lives(),
      process: undefined,
      state: 'gone',
      silentTicks: 0,
      asked: new Map(),
      cutOff: 0,
    }));
    for (const place of this.#places) this.#start(place);
    this.#tick = setInterval(() => this.#look(), this.#tickMs);
  }

  /** Whether clients can be served. */
  get isServing(): boolean {
    return this.#places.some(({ state }) => state === 'listening');
  }

  /** Lets the workers listen. Resolves when all do. @throws {Error} when one cannot */
  begin(): Promise<void> {
    this.#hasBegun = true;
    for (const place of this.#places) if (place.lives.hasSaidHello) this.#sendTask(place);
    return this.#allListen.promise;
  }

  /** Tells every worker what has changed. */
  tell(changes: TableChanges): void {
    if (!this.#hasBegun) return; // they begin with the whole table
    for (const place of this.#places) {
      if (place.lives.hasTask) place.process?.send({ kind: 'changes', changes });
    }
  }

  /** Resolves when all that was told holds in every worker that serves; after a second whatever they do. */
  async sync(): Promise<void> {
    await this.#ask('sync', SYNC_MS);
  }

  /** Resolves with how many there are when all of them answer. @throws {Error} that says how many do not */
  async look(): Promise<string> {
    const { count } = this.#options;
    const answered = await this.#ask('sync', SYNC_MS);
    if (answered < count) {
      throw new Error(`${answered} of ${count} answer: the log says what became of the others`);
    }
    return count === 1 ? 'one serves' : `${count} serve`;
  }

  /** Resolves when every worker has reported anew; soon, whatever they do. @returns whether all that serve have */
  async count(): Promise<boolean> {
    const serving = this.#serving().length;
    return (await this.#ask('count', COUNT_MS)) >= serving;
  }

  /** Has the workers serve on for a while and finish what they hold, and ends them. Resolves with the number of calls that were cut off. */
  async drain({ withinMs, servesOnMs }: DrainTimes): Promise<number> {
    this.#isDraining = true;
    this.#allListen.reject(new Error('the gateway was stopped before it had begun'));
    const isEnded = (): boolean => this.#places.every(({ state }) => state === 'gone');
    const ended = new Promise<void>((resolve) => {
      this.#onEnded = () => {
        if (isEnded()) resolve();
      };
    });
    for (const place of this.#places) {
      if (place.state === 'gone') continue;
      if (place.lives.hasTask) {
        place.state = 'draining';
        place.process?.send({ kind: 'drain', withinMs, servesOnMs });
      } else place.process?.kill();
    }
    this.#onEnded?.();
    const patience = new AbortController();
    await Promise.race([
      ended,
      sleep(servesOnMs + withinMs + LEAVE_MS, undefined, { signal: patience.signal }).catch(() => {}),
    ]);
    patience.abort();
    clearInterval(this.#tick);
    for (const { process } of this.#places) process?.kill();
    return this.#places.reduce((sum, { cutOff }) => sum + cutOff, 0);
  }

  #start(place: Place): void {
    place.lives.begin();
    place.state = 'starting';
    place.silentTicks = 0;
    try {
      place.process = startWorkerProcess({
        command: this.#options.command,
        onMessage: (message) => this.#onMessage(place, message),
        onEnd: (how) => this.#onEnd(place, how),
      });
    } catch (error) {
      // In its own time: the places are not all there yet.
      setImmediate(() => this.#onEnd(place, (error as Error).message));
    }
  }

  #sendTask(place: Place): void {
    place.lives.hasTask = true;
    const task = { ...this.#options.task(), worker: place.worker };
    place.process?.send({ kind: 'begin', task, table: this.#options.table() });
  }

  #onMessage(place: Place, message: FromWorker): void {
    place.silentTicks = 0;
    switch (message.kind) {
      case 'hello':
        place.lives.hasSaidHello = true;
        if (this.#hasBegun && !this.#isDraining) this.#sendTask(place);
        break;
      case 'listening':
        this.#onListening(place);
        break;
      case 'not_listening':
        place.lives.reason = message.reason;
        break;
      case 'done':
        place.asked.get(message.id)?.(true);
        break;
      case 'report':
        this.#options.onReport(place.worker, message.deltas, message.figures);
        if (message.accepts !== undefined) this.#options.onAccepts(message.accepts);
        if (message.id !== undefined) place.asked.get(message.id)?.(true);
        break;
      case 'wake':
        void this.#wake(place, message.id, message.key);
        break;
      case 'nudge':
        this.#options.onNudge();
        break;
      case 'unreachable':
        this.#options.onUnreachable(message.replica);
        break;
      case 'drained':
        place.state = 'drained';
        place.cutOff = message.cutOff;
        place.process?.release();
        break;
    }
  }

  #onListening(place: Place): void {
    if (place.state === 'starting') place.state = 'listening';
    place.lives.listening();
    const { isReplacement } = place.lives;
    this.#options.logger.info(
      isReplacement ? 'another worker serves in place of the one that ended' : 'a worker serves',
      {
        worker: place.worker,
        pid: place.process?.pid,
      },
    );
    if (isReplacement) this.#options.onReplaced(place.worker);
    if (this.#places.every(({ lives }) => lives.hasListened)) this.#allListen.resolve();
  }

  #onEnd(place: Place, how: string): void {
    const wasDrained = place.state === 'drained';
    const process = place.process;
    place.process = undefined;
    place.state = 'gone';
    for (const answer of [...place.asked.values()]) answer(false);
    this.#options.onGone(place.worker);
    if (this.#isDraining) {
      if (!wasDrained)
        this.#options.logger.error('a worker ended before its calls did', { worker: place.worker, how });
      this.#onEnded?.();
      return;
    }
    const ending = place.lives.end();
    this.#log(place, how, process?.pid, ending);
    if (ending.kind === 'hopeless') {
      const reason = new Error(`worker ${place.worker} ${place.lives.reason ?? `ended: ${how}`}`);
      this.#allListen.reject(reason);
      if (ending.hasListened) this.#options.onHopeless(reason);
      return;
    }
    setTimeout(() => {
      if (!this.#isDraining) this.#start(place);
    }, ending.pauseMs);
  }

  #log(place: Place, how: string, pid: number | undefined, ending: Ending): void {
    this.#options.logger.error('a worker has ended by itself: calls that it had were cut off', {
      worker: place.worker,
      pid,
      how,
      reason: place.lives.reason,
      next: ending.kind === 'again' ? `another one in ${ending.pauseMs} ms` : 'none',
    });
  }

  async #wake(place: Place, id: number, key: string): Promise<void> {
    const failure = await this.#options.wake(key).then(
      () => undefined,
      (error: Error): ToldFailure =>
        error instanceof FaasError
          ? { code: error.code, message: error.message }
          : { message: error.message },
    );
    place.process?.send({ kind: 'woken', id, ...(failure !== undefined && { failure }) });
  }

  #serving(): Place[] {
    return this.#places.filter(({ state }) => state === 'listening' || state === 'draining');
  }

  /** @returns how many have answered */
  async #ask(kind: 'sync' | 'count', withinMs: number): Promise<number> {
    const serving = this.#serving();
    if (serving.length === 0) return 0;
    const id = ++this.#lastId;
    let answered = 0;
    const answer = async (place: Place): Promise<void> => {
      if (await this.#answers(place, { kind, id })) answered++;
    };
    const patience = new AbortController();
    await Promise.race([
      Promise.all(serving.map(answer)),
      sleep(withinMs, undefined, { signal: patience.signal }).catch(() => {}),
    ]);
    patience.abort();
    for (const { asked } of serving) asked.delete(id);
    return answered;
  }

  /** False when it ends before. */
  #answers(place: Place, question: ToWorker & { readonly id: number }): Promise<boolean> {
    return new Promise((resolve) => {
      place.asked.set(question.id, (hasAnswered) => {
        place.asked.delete(question.id);
        resolve(hasAnswered);
      });
      place.process?.send(question);
    });
  }

  /** Counts its own ticks, not the clock's: a machine that slept must not cost every worker its life. */
  #look(): void {
    for (const place of this.#places) {
      if (place.process === undefined || ++place.silentTicks < SILENT_TICKS) continue;
      place.silentTicks = 0;
      place.lives.reason = `has not told of itself for ${(SILENT_TICKS * this.#tickMs) / 1000} s and was ended`;
      place.process.kill();
    }
  }
}
