import type { Command } from './command.ts';
import type { Outcome, TimeLimitName } from './outcome.ts';

export interface RunOptions {
  readonly command: Command;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything the process reads, or `stream`: written piece by piece through {@link RunningProcess.stdin}. */
  readonly stdin: Uint8Array | 'stream';
  readonly limits: readonly { readonly name: TimeLimitName; readonly ms: number }[];
  /** Takes output as it comes; while its promise is pending the process's output is not read. */
  readonly onStdout: (bytes: Uint8Array) => void | Promise<void>;
  readonly onStderr: (bytes: Uint8Array) => void | Promise<void>;
}

export interface RunningProcess {
  /** Never rejects. Settled when the process was reaped and its output has ended. */
  readonly outcome: Promise<Outcome>;
  /** Undefined unless `stdin` was `stream`. */
  readonly stdin: StdinWriter | undefined;
  /** Ends the process group; the first cause is the outcome. */
  stop(cause: Outcome): void;
}

export interface StdinWriter {
  /** Undefined: taken. A promise: wait before writing more. A process that does not read its stdin is no error. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  end(): void;
}

/** From SIGTERM to SIGKILL. */
const KILL_GRACE_MS = 1000;

/** Leaders of the process groups now running, so that none outlives the watchdog. */
const groups = new Set<number>();

/** Kills every process group at once: the last act of a watchdog. */
export function killAllGroups(): void {
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}

/** Starts one process, the leader of its own process group. */
export function runProcess(options: RunOptions): RunningProcess {
  const { command, stdin } = options;
  if (command.path === undefined) {
    return notStarted(new Error(`exec: "${command.name}": executable file not found in $PATH`));
  }
  // A buffer reaches the child as a memory file: there is nothing to write and no EPIPE to meet. The empty one is /dev/null.
  const spawnStdin = stdin === 'stream' ? 'pipe' : stdin.length === 0 ? 'ignore' : stdin;
  try {
    const child = Bun.spawn({
      cmd: [command.path, ...command.args],
      argv0: command.name,
      env: options.env,
      stdin: spawnStdin,
      stdout: 'pipe',
      stderr: 'pipe',
      // Detached, so the child leads its own group and a kill reaches its children.
      detached: true,
    });
    return new Run(child, options);
  } catch (cause) {
    return notStarted(cause as Error);
  }
}

function notStarted(cause: Error): RunningProcess {
  return { outcome: Promise.resolve({ kind: 'not_started', cause }), stdin: undefined, stop: () => {} };
}

type Child = Bun.Subprocess<'ignore' | 'pipe' | Uint8Array, 'pipe', 'pipe'>;
type OutputReader = ReturnType<ReadableStream<Uint8Array>['getReader']>;

class Run implements RunningProcess {
  readonly outcome: Promise<Outcome>;
  readonly stdin: StdinWriter | undefined;
  readonly #child: Child;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #readers: OutputReader[] = [];
  #stopCause: Outcome | undefined;

  constructor(child: Child, options: RunOptions) {
    this.#child = child;
    groups.add(child.pid);
    const sink: unknown = child.stdin;
    this.stdin = options.stdin === 'stream' ? writerTo(sink as Bun.FileSink) : undefined;
    for (const { name, ms } of options.limits) {
      this.#timers.push(setTimeout(() => this.stop({ kind: 'timed_out', limit: name, afterMs: ms }), ms));
    }
    this.outcome = this.#follow(options);
  }

  stop(cause: Outcome): void {
    if (this.#stopCause !== undefined) return;
    this.#stopCause = cause;
    signalGroup(this.#child.pid, 'SIGTERM');
    this.#timers.push(
      setTimeout(() => {
        signalGroup(this.#child.pid, 'SIGKILL');
        // A descendant that left the group may hold the output open for ever: nobody waits for it.
        for (const reader of this.#readers) void reader.cancel().catch(() => {});
      }, KILL_GRACE_MS),
    );
  }

  async #follow({ onStdout, onStderr }: RunOptions): Promise<Outcome> {
    try {
      await Promise.all([
        this.#pump(this.#child.stdout, onStdout),
        this.#pump(this.#child.stderr, onStderr),
        this.#child.exited,
      ]);
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
      groups.delete(this.#child.pid);
    }
    if (this.#stopCause !== undefined) {
      // The leader heeded SIGTERM; what else there is of its group gets no second warning.
      signalGroup(this.#child.pid, 'SIGKILL');
      return this.#stopCause;
    }
    const { exitCode, signalCode } = this.#child;
    return signalCode === null
      ? { kind: 'exited', exitCode: exitCode ?? 1 }
      : { kind: 'signalled', signal: String(signalCode) };
  }

  async #pump(stream: ReadableStream<Uint8Array>, take: RunOptions['onStdout']): Promise<void> {
    const reader = stream.getReader();
    this.#readers.push(reader);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const pending = take(value);
      if (pending !== undefined) await pending;
    }
  }
}

function writerTo(sink: Bun.FileSink): StdinWriter {
  let isBroken = false;
  const broken = (): void => {
    isBroken = true; // EPIPE: the process closed its stdin or ended; what it leaves unread is its own affair
  };
  const attempt = (action: () => unknown): Promise<void> | undefined => {
    if (isBroken) return undefined;
    try {
      const result = action();
      return result instanceof Promise ? result.then(() => {}, broken) : undefined;
    } catch {
      broken();
      return undefined;
    }
  };
  return {
    write: (bytes) =>
      attempt(() => {
        const written: unknown = sink.write(bytes);
        const flushed: unknown = sink.flush();
        if (written instanceof Promise) return Promise.all([written, flushed]);
        return flushed;
      }),
    end: () => void attempt(() => sink.end()),
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended by itself.
  }
}
