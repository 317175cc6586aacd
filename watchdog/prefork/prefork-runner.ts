import type { ProcessRequest, ProcessRunner } from '../process-runner.ts';
import type { RunningProcess } from '../run-process.ts';
import type { PreforkPool } from './prefork-pool.ts';
import type { WaitingProcess } from './waiting-process.ts';

export interface PreforkRunnerOptions {
  readonly pool: PreforkPool<WaitingProcess>;
  /** For a request that finds the pool empty. */
  readonly fork: ProcessRunner;
  /** Told of every request that a waiting process takes. */
  readonly onTaken?: (pid: number) => void;
}

/** One string of an environment may be this long, its NUL included: 32 of the smallest pages (execve(2), MAX_ARG_STRLEN). */
const VARIABLE_BYTES = 131_072;

/** Gives a request to a process that waits; forks when there is none. */
export function preforkRunner({ pool, fork, onTaken }: PreforkRunnerOptions): ProcessRunner {
  return (request) => {
    // Whether such a request can be served is the kernel's to say, and must not depend on who waits.
    const process = fitsAnEnvironment(request.variables) ? pool.take() : undefined;
    if (process !== undefined) onTaken?.(process.pid);
    pool.callBegan();
    const run = process === undefined ? fork(request) : serve(process, request, fork);
    void run.outcome.then(() => pool.callEnded());
    return run;
  };
}

/** A process may have ended in the very moment in which the request came: one that never read it has not begun it. */
function serve(process: WaitingProcess, request: ProcessRequest, fork: ProcessRunner): RunningProcess {
  let wrote = false;
  const first = process.serve({
    ...request,
    onStdout: (bytes) => {
      wrote = true;
      return request.onStdout(bytes);
    },
  });
  let current: RunningProcess = first;
  const outcome = first.outcome.then((ended) => {
    const endedByItself = ended.kind === 'exited' || ended.kind === 'signalled';
    if (!endedByItself || !first.wasLeftUnread()) return ended;
    if (wrote) {
      const text = 'a process that said it would wait for its request on descriptor 3 answered without it';
      return { kind: 'invalid_response', cause: new Error(`${text} (docs/prefork.md)`) } as const;
    }
    if (request.stdin === 'stream') {
      const text = `process ${process.pid} ended before it took the request; send it again`;
      return { kind: 'not_started', cause: new Error(text) } as const;
    }
    current = fork(request);
    return current.outcome;
  });
  return {
    outcome,
    stdin: request.stdin === 'stream' ? first.stdin : undefined,
    stop: (cause) => current.stop(cause),
  };
}

function fitsAnEnvironment(variables: ProcessRequest['variables']): boolean {
  for (const [name, value] of Object.entries(variables ?? {})) {
    const characters = name.length + value.length + 2;
    // No character takes more than three bytes.
    if (characters * 3 > VARIABLE_BYTES && Buffer.byteLength(value) + name.length + 2 > VARIABLE_BYTES) {
      return false;
    }
  }
  return true;
}
