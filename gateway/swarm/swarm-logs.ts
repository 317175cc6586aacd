import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { DEFAULT_NAMESPACE } from '../../contract/function-ref.ts';
import { FaasError } from '../errors.ts';
import type { LogLine, LogRequest, LogSource } from '../functions/log-source.ts';
import { createEngine, type Engine } from './engine.ts';
import { toFaasError } from './errors.ts';
import { findService } from './find-service.ts';
import type { TaskLine } from './log-frames.ts';
import type { ListedService } from './read-back.ts';
import { type LogQuery, readServiceLog, SILENCE } from './read-service-log.ts';
import { ToldLines } from './told-lines.ts';

export interface SwarmLogsOptions {
  readonly docker: Docker;
  readonly defaultNamespace?: string;
  /** Longest wait for one answer of the engine; default 20000. */
  readonly callLimitMs?: number;
  /** A stream that gives nothing for so long is looked after; default 15000. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 15_000;
/** How much earlier a log is opened again than its last line: clocks of nodes differ. What was told is not repeated. */
const OVERLAP_MS = 60_000;
const FIRST_WAIT_MS = 250;
/** Waits of 0.25, 0.5, 1, 2 and 4 s: an engine that is away for longer is told of. */
const MOST_ATTEMPTS = 5;
/** What is held of lines for `tail`: all replicas' are needed before it is known which are the newest. */
const MOST_HELD_CHARS = 32 * 1024 * 1024;

/** The logs of Swarm services, by the engine's own service logs: of all nodes, of replicas that ended, too. */
export function createSwarmLogs(options: SwarmLogsOptions): LogSource {
  const engine = createEngine(options.docker, options);
  const defaultNamespace = options.defaultNamespace ?? DEFAULT_NAMESPACE;
  return {
    open: async (request, signal) => {
      const service = await findService(engine, request.ref, defaultNamespace);
      const reader = new LogReader(engine, service, {
        request,
        signal,
        silenceMs: options.silenceMs ?? SILENCE_MS,
      });
      try {
        return await reader.open();
      } catch (error) {
        throw toFaasError(error, 'read the log');
      }
    },
  };
}

interface ReaderOptions {
  readonly request: LogRequest;
  readonly signal: AbortSignal;
  readonly silenceMs: number;
}

/** The log of one service for one reader. */
class LogReader {
  readonly #engine: Engine;
  readonly #service: ListedService;
  readonly #options: ReaderOptions;
  readonly #told = new ToldLines();
  #lastEngineError = '';

  constructor(engine: Engine, service: ListedService, options: ReaderOptions) {
    this.#engine = engine;
    this.#service = service;
    this.#options = options;
  }

  async open(): Promise<AsyncIterable<LogLine>> {
    const { follow, since, tail } = this.#options.request;
    const first = { since, tail, follow: follow && tail === undefined };
    // Opened before anything is answered: an engine that refuses can still be told with a status.
    const stream = await this.#openStream(first);
    return this.#quietlyEnded(this.#lines(stream, first));
  }

  async *#quietlyEnded(lines: AsyncGenerator<LogLine>): AsyncGenerator<LogLine> {
    try {
      yield* lines;
    } catch (error) {
      if (!this.#options.signal.aborted) throw toFaasError(error, 'read the log');
    }
  }

  async *#lines(first: AsyncGenerator<TaskLine | typeof SILENCE>, query: LogQuery): AsyncGenerator<LogLine> {
    if (query.follow) {
      yield* this.#follow(first);
      return;
    }
    yield* query.tail === undefined ? this.#pass(first) : this.#newest(first, query.tail);
    if (this.#options.request.follow) yield* this.#follow();
  }

  /** What is there already, as it comes. */
  async *#pass(stream: AsyncGenerator<TaskLine | typeof SILENCE>): AsyncGenerator<LogLine> {
    for await (const line of stream) {
      if (line === SILENCE) throw silent(this.#options.silenceMs);
      if (this.#isWanted(line)) yield this.#tell(line);
    }
  }

  /** The engine gives the newest lines of each task: those of all of them are told in the order of their times. */
  async *#newest(stream: AsyncGenerator<TaskLine | typeof SILENCE>, tail: number): AsyncGenerator<LogLine> {
    let held: TaskLine[] = [];
    let heldChars = 0;
    let isCut = false;
    const cut = (): void => {
      held.sort(byTime);
      let chars = 0;
      let from = held.length;
      while (from > 0 && held.length - from < tail && chars <= MOST_HELD_CHARS / 2)
        chars += held[--from]?.text.length ?? 0;
      isCut ||= from > 0;
      held = held.slice(from);
      heldChars = chars;
    };
    for await (const line of stream) {
      if (line === SILENCE) throw silent(this.#options.silenceMs);
      if (!this.#isWanted(line)) continue;
      held.push(line);
      heldChars += line.text.length;
      if (held.length > tail + 10_000 || heldChars > MOST_HELD_CHARS) cut();
    }
    cut();
    const [oldest] = held;
    // With fewer lines than `tail` nothing was left out, by the engine neither.
    if (oldest !== undefined && (isCut || held.length >= tail)) this.#told.forgetBefore(oldest.timestamp);
    for (const line of held) yield this.#tell(line);
  }

  /** New lines for as long as there is a function and somebody who reads. */
  async *#follow(opened?: AsyncGenerator<TaskLine | typeof SILENCE>): AsyncGenerator<LogLine> {
    const { signal } = this.#options;
    let stream = opened;
    for (let attempt = 0; ; attempt++) {
      try {
        stream ??= await this.#openStream({ since: this.#resumeAt(), tail: undefined, follow: true });
        for await (const line of stream) {
          attempt = 0;
          if (line !== SILENCE) {
            if (this.#isWanted(line) && this.#told.isNew(line)) yield this.#tell(line);
          } else if (await this.#hasMissed()) break;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (attempt >= MOST_ATTEMPTS) throw error;
      }
      signal.throwIfAborted();
      stream = undefined;
      if (!(await this.#exists(attempt))) return;
      if (attempt >= MOST_ATTEMPTS)
        throw new FaasError('provider_unavailable', 'the engine ends the log again and again');
      await sleep(FIRST_WAIT_MS * 2 ** attempt, undefined, { signal });
    }
  }

  /** Whether there are lines which the open stream did not give: it is stalled, then. Also when the engine does not tell. */
  async #hasMissed(): Promise<boolean> {
    const query = { since: this.#resumeAt(), tail: 1, follow: false };
    try {
      const stream = await this.#openStream(query);
      for await (const line of stream)
        if (line === SILENCE || (line.taskId !== '' && this.#isWanted(line) && this.#told.isNew(line)))
          return true;
      return !(await this.#exists(0));
    } catch {
      return true; // opened again, it says what is wrong
    }
  }

  async #exists(attempt: number): Promise<boolean> {
    const id = this.#service.ID;
    try {
      const found: ListedService[] = await this.#engine.ask('list services', (docker, abortSignal) =>
        docker.listServices({ filters: { id: [id] }, abortSignal }),
      );
      return found.some((service) => service.ID === id);
    } catch (error) {
      if (attempt >= MOST_ATTEMPTS) throw error;
      return true;
    }
  }

  #openStream(query: LogQuery): Promise<AsyncGenerator<TaskLine | typeof SILENCE>> {
    return readServiceLog(this.#engine, this.#service, { ...this.#options, query });
  }

  #resumeAt(): string | undefined {
    const { newest } = this.#told;
    const { since } = this.#options.request;
    if (newest === undefined) return since;
    const early = new Date(Date.parse(newest) - OVERLAP_MS).toISOString();
    return since !== undefined && Date.parse(since) > Date.parse(early) ? since : early;
  }

  #isWanted(line: TaskLine): boolean {
    if (line.taskId === '') {
      // Of the engine itself, who repeats it each time that the log is opened.
      if (line.text === this.#lastEngineError) return false;
      this.#lastEngineError = line.text;
      return true;
    }
    const { instance } = this.#options.request;
    return instance === undefined || line.taskId === instance;
  }

  #tell(line: TaskLine): LogLine {
    if (line.taskId !== '') this.#told.add(line);
    const { ref } = this.#options.request;
    const { taskId: instance, timestamp, text } = line;
    return { name: ref.name, namespace: ref.namespace, instance, timestamp, text };
  }
}

function byTime(left: TaskLine, right: TaskLine): number {
  return left.timestamp < right.timestamp ? -1 : left.timestamp > right.timestamp ? 1 : 0;
}

function silent(silenceMs: number): FaasError {
  return new FaasError(
    'provider_unavailable',
    `the Docker engine gave no line of the log for ${silenceMs / 1000} s and did not end it`,
  );
}
