import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import { FaasError } from '../errors.ts';
import type { LogLine, LogRequest, LogSource } from '../functions/log-source.ts';

/** What is kept of one function's log: the newest lines. */
const MOST_LINES = 20_000;
const MOST_CHARS = 8 * 1024 * 1024;
/** So much of the oldest goes at a time. */
const CUT = 1 / 8;

interface Kept {
  readonly line: LogLine;
  readonly atMs: number;
}

/** The newest lines of one function, from replicas that have ended, too. */
export class FunctionLog {
  readonly #ref: FunctionRef;
  readonly #now: () => Date;
  #lines: Kept[] = [];
  #chars = 0;
  /** How many lines were dropped: the number of the first one that is kept. */
  #first = 0;
  #isClosed = false;
  #lastMs = 0;
  #inSameMs = 0;
  #news = Promise.withResolvers<void>();

  constructor(ref: FunctionRef, now: () => Date = () => new Date()) {
    this.#ref = ref;
    this.#now = now;
  }

  /** @param instance '' for a line of the cluster's own */
  add(instance: string, text: string): LogLine {
    const now = this.#now();
    const line = { ...this.#ref, instance, timestamp: this.#stamp(now), text };
    this.#lines.push({ line, atMs: now.getTime() });
    this.#chars += text.length;
    if (this.#lines.length > MOST_LINES || this.#chars > MOST_CHARS) this.#cut();
    this.#tell();
    return line;
  }

  /** The function was removed: readers who follow are at the end. */
  close(): void {
    this.#isClosed = true;
    this.#tell();
  }

  async *read({ tail, since, instance, follow }: LogRequest, signal: AbortSignal): AsyncGenerator<LogLine> {
    const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
    const isWanted = ({ line, atMs }: Kept): boolean =>
      atMs >= sinceMs && (instance === undefined || line.instance === instance || line.instance === '');
    const end = this.#first + this.#lines.length;
    const before = this.#lines.filter(isWanted);
    for (const { line } of tail === undefined ? before : before.slice(Math.max(0, before.length - tail))) {
      if (signal.aborted) return;
      yield line;
    }
    if (!follow) return;
    for (let next = end; !signal.aborted; ) {
      const news = this.#news.promise;
      if (next < this.#first) {
        const lost = this.#first - next;
        next = this.#first;
        yield { ...this.#ref, instance: '', timestamp: this.#now().toISOString(), text: lostText(lost) };
      }
      const kept = this.#lines[next - this.#first];
      if (kept !== undefined) {
        next++;
        if (isWanted(kept)) yield kept.line;
      } else if (this.#isClosed) return;
      else await orAborted(news, signal);
    }
  }

  /** To the nanosecond, as an engine's: lines of one millisecond have a time each, in their order. */
  #stamp(now: Date): string {
    const ms = now.getTime();
    this.#inSameMs = ms === this.#lastMs ? this.#inSameMs + 1 : 0;
    this.#lastMs = ms;
    return now.toISOString().replace('Z', `${String(this.#inSameMs).padStart(6, '0')}Z`);
  }

  #cut(): void {
    let count = 0;
    let chars = 0;
    while (
      this.#lines.length - count > MOST_LINES * (1 - CUT) ||
      this.#chars - chars > MOST_CHARS * (1 - CUT)
    ) {
      chars += this.#lines[count++]?.line.text.length ?? 0;
    }
    this.#lines = this.#lines.slice(count);
    this.#chars -= chars;
    this.#first += count;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

function lostText(count: number): string {
  return `${count} ${count === 1 ? 'line is' : 'lines are'} missing here: they came faster than they were read`;
}

async function orAborted(news: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) resolve();
  await Promise.race([news, promise]);
  signal.removeEventListener('abort', onAbort);
}

/** @param find undefined: there is no such function */
export function createLogSource(find: (ref: FunctionRef) => FunctionLog | undefined): LogSource {
  return {
    open: async (request, signal) => {
      const log = find(request.ref);
      if (log === undefined)
        throw new FaasError('function_not_found', `function ${qualifiedName(request.ref)} not found`);
      return log.read(request, signal);
    },
  };
}
