import type { Engine } from './engine.ts';
import { createFrameDecoder, createLineDecoder, parseTaskLine, type TaskLine } from './log-frames.ts';
import type { ListedService } from './read-back.ts';

export interface LogQuery {
  /** RFC 3339 */
  readonly since: string | undefined;
  /** Of each task. */
  readonly tail: number | undefined;
  readonly follow: boolean;
}

/** Told when the stream gave nothing for a while. */
export const SILENCE = Symbol('silence');

/**
 * Opens one log stream of the engine. What the engine itself says of the log is a line without a task id. The stream is
 * read no faster than the lines are taken, and its request is aborted when the iteration ends.
 * Rejects and throws what dockerode does.
 */
export async function readServiceLog(
  engine: Engine,
  service: ListedService,
  options: { readonly query: LogQuery; readonly signal: AbortSignal; readonly silenceMs: number },
): Promise<AsyncGenerator<TaskLine | typeof SILENCE>> {
  const { since, tail, follow } = options.query;
  const closed = new AbortController();
  const query = {
    stdout: 1,
    stderr: 1,
    timestamps: 1,
    details: 1,
    follow: follow ? 1 : 0,
    tail: tail === undefined ? 'all' : String(tail),
    ...(since !== undefined && { since: toUnixTime(since) }),
  };
  options.signal.throwIfAborted();
  let stream: NodeJS.ReadableStream | undefined;
  // Freed also when nobody ever begins to read. Once there is a stream it is destroyed, which closes the connection: an
  // abort that comes after the last byte of an answer is an exception which nobody can catch.
  const close = (): void => {
    options.signal.removeEventListener('abort', close);
    if (stream === undefined) closed.abort();
    else if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  };
  options.signal.addEventListener('abort', close, { once: true });
  try {
    stream = await engine.call('read the log', (docker, limit) =>
      docker.getService(service.ID).logs({
        // For dockerode `follow` means that the answer is a stream, which the other one is, too; the engine gets `_query`.
        follow: true,
        _query: query,
        abortSignal: AbortSignal.any([closed.signal, limit]),
      } as unknown as { follow: true }),
    );
  } catch (error) {
    options.signal.removeEventListener('abort', close);
    throw error;
  }
  stream.on('error', () => {}); // told to whoever reads; before that nobody listens
  if (options.signal.aborted) close();
  return readLines(stream, { isTerminal: isTerminal(service), silenceMs: options.silenceMs, close });
}

async function* readLines(
  stream: NodeJS.ReadableStream,
  options: { readonly isTerminal: boolean; readonly silenceMs: number; readonly close: () => void },
): AsyncGenerator<TaskLine | typeof SILENCE> {
  const decoder = options.isTerminal ? createLineDecoder() : createFrameDecoder();
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = chunks.next();
      next.catch(() => {}); // thrown below, unless the reader has left by then
      let result = await orSilence(next, options.silenceMs);
      while (result === SILENCE) {
        yield SILENCE;
        result = await orSilence(next, options.silenceMs);
      }
      if (result.done === true) return;
      const chunk = result.value;
      for (const { kind, text } of decoder.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) {
        yield kind === 'output'
          ? parseTaskLine(text)
          : { taskId: '', timestamp: new Date().toISOString(), text: text.trim() };
      }
    }
  } finally {
    options.close();
  }
}

async function orSilence<T>(value: Promise<T>, afterMs: number): Promise<T | typeof SILENCE> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<typeof SILENCE>((resolve) => {
    timer = setTimeout(resolve, afterMs, SILENCE);
  });
  try {
    return await Promise.race([value, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Seconds and nanoseconds, as the engine wants times. */
function toUnixTime(rfc3339: string): string {
  const [, fraction = ''] = /\.(\d+)/.exec(rfc3339) ?? [];
  return `${Math.floor(Date.parse(rfc3339) / 1000)}.${fraction.slice(0, 9).padEnd(9, '0')}`;
}

function isTerminal(service: ListedService): boolean {
  const template = service.Spec?.TaskTemplate;
  const container =
    template !== undefined && 'ContainerSpec' in template ? template.ContainerSpec : undefined;
  return (container as { readonly TTY?: boolean } | undefined)?.TTY === true;
}
