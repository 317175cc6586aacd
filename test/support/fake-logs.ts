import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import { FaasError } from '../../gateway/errors.ts';
import type { LogLine, LogRequest, LogSource } from '../../gateway/functions/log-source.ts';

/** Logs in memory. */
export type FakeLogs = LogSource & {
  /** What was asked for, in order. */
  readonly requests: LogRequest[];
  /** Readers that have not been freed. */
  readers(): number;
  /** Makes the function known, without a line. */
  know(ref: FunctionRef): void;
  write(
    ref: FunctionRef,
    line: { readonly instance?: string; readonly timestamp?: string; readonly text: string },
  ): void;
  /** Those who follow are told that the log broke off. */
  breakOff(ref: FunctionRef): void;
};

interface Log {
  readonly lines: LogLine[];
  readonly wake: Set<() => void>;
  isBroken: boolean;
}

export function createFakeLogs(): FakeLogs {
  const logs = new Map<string, Log>();
  const requests: LogRequest[] = [];
  let readers = 0;
  const logOf = (ref: FunctionRef): Log => {
    const key = qualifiedName(ref);
    const log = logs.get(key) ?? { lines: [], wake: new Set(), isBroken: false };
    logs.set(key, log);
    return log;
  };
  const wakeAll = (log: Log): void => {
    for (const wake of log.wake) wake();
  };

  async function* read(log: Log, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogLine> {
    const isWanted = (line: LogLine): boolean =>
      (request.instance === undefined || line.instance === request.instance) &&
      (request.since === undefined || Date.parse(line.timestamp) >= Date.parse(request.since));
    let told = log.lines.length;
    yield* log.lines.filter(isWanted).slice(-(request.tail ?? 0));
    while (request.follow && !signal.aborted) {
      for (; told < log.lines.length; told++) {
        const line = log.lines[told];
        if (line !== undefined && isWanted(line)) yield line;
      }
      if (log.isBroken) throw new FaasError('provider_unavailable', 'the log broke off');
      if (signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      log.wake.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (told === log.lines.length) await promise;
      log.wake.delete(resolve);
    }
  }

  return {
    requests,
    readers: () => readers,
    know: (ref) => void logOf(ref),
    write: (ref, { instance = 'one', timestamp = new Date().toISOString(), text }) => {
      const log = logOf(ref);
      log.lines.push({ name: ref.name, namespace: ref.namespace, instance, timestamp, text });
      wakeAll(log);
    },
    breakOff: (ref) => {
      const log = logOf(ref);
      log.isBroken = true;
      wakeAll(log);
    },
    open: async (request, signal) => {
      requests.push(request);
      const log = logs.get(qualifiedName(request.ref));
      if (log === undefined)
        throw new FaasError('function_not_found', `function ${qualifiedName(request.ref)} not found`);
      readers += 1;
      const left = (): void => {
        readers -= 1;
      };
      signal.addEventListener('abort', left, { once: true });
      return read(log, request, signal);
    },
  };
}
