import { closeSync } from 'node:fs';
import type { Command } from './command.ts';
import { log } from './log.ts';
import { describeOutcome, type Outcome, type TimeLimitName } from './outcome.ts';
import { closePipe, makeNonBlocking, openPipe, type Pipe, unreadBytes } from './pipe.ts';
import { withRawBytes } from './raw-env.ts';
import { notFoundText, startErrorText } from './start-error.ts';

export interface RunOptions extends FollowOptions {
  readonly command: Command;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything the process reads, or `stream`: written piece by piece through {@link RunningProcess.stdin}. */
  readonly stdin: Uint8Array | 'stream';
}

export interface FollowOptions {
  /** Counted from now. */
  readonly limits: readonly { readonly name: TimeLimitName; readonly ms: number }[];
  /** Takes output as it comes; while its promise is pending the process's output is not read. */
  readonly onStdout: (bytes: Uint8Array) => void | Promise<void>;
  /** Undefined: stderr goes into the same pipe as stdout, in the order of the writes. */
  readonly onStderr: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
}

export interface RunningProcess {
  /** Never rejects. Settled when the process was reaped and its output has ended. */
  readonly outcome: Promise<Outcome>;
  /** For whoever asked for a `stream`. */
  readonly stdin: StdinWriter | undefined;
  /** Ends the process group; the first cause is the outcome. */
  stop(cause: Outcome): void;
}

export interface StdinWriter {
  /** Undefined: taken. A promise: wait before writing more. A process that does not read its stdin is no error. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  end(): void;
}

/** Elsewhere a buffer would reach the child as a socket, which may be one that does not wait: programs that read it at once would fail. */
const HAS_MEMORY_FILES = process.platform === 'linux';
/** From SIGTERM to SIGKILL. */
const KILL_GRACE_MS = 1000;
/** How long a process that said that it is done may take to end. */
const DONE_GRACE_MS = 1000;
/** Turns of the event loop in which what it wrote before must have been read; a long answer is not, and waits for the end. */
const DONE_TURNS = 5;

/** Leaders of the process groups now running, so that none outlives the watchdog. */
const groups = new Set<number>();
let tellOfGroup = (_leader: number, _isThere: boolean): void => {};

/** Notes a process group, to be killed with the watchdog. */
export function keepGroup(leader: number): void {
  groups.add(leader);
  tellOfGroup(leader, true);
}

export function forgetGroup(leader: number): void {
  groups.delete(leader);
  tellOfGroup(leader, false);
}

/** For somebody who kills them should the watchdog not be able to. */
export function watchGroups(listener: (leader: number, isThere: boolean) => void): void {
  tellOfGroup = listener;
}

/** Whether a process was started by the watchdog itself, and not by one of its processes. */
export function isGroupLeader(pid: number): boolean {
  return groups.has(pid);
}

/** Kills every process group at once: the last act of a watchdog. */
export function killAllGroups(): void {
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}

/** Starts one process, the leader of its own process group. */
export function runProcess(options: RunOptions): RunningProcess {
  const { command, stdin } = options;
  if (command.path === undefined) {
    return notStarted(new Error(notFoundText(command.name)));
  }
  const pipes: Pipe[] = [];
  const pipe = (): Pipe => {
    const opened = openPipe();
    pipes.push(opened);
    return opened;
  };
  let child: Bun.Subprocess;
  let ends: OwnEnds;
  try {
    const output = pipe();
    const errors = options.onStderr === undefined ? undefined : pipe();
    const isPiped = stdin === 'stream' || (stdin.length > 0 && !HAS_MEMORY_FILES);
    const input = isPiped ? pipe() : undefined;
    const start = { cmd: [command.path, ...command.args], argv0: command.name, env: options.env };
    child = Bun.spawn({
      ...withRawBytes(start, command.env),
      // On Linux a buffer reaches the child as a memory file: there is nothing to write and no EPIPE to meet. The empty one is /dev/null.
      stdin: input?.readFd ?? (stdin === 'stream' || stdin.length === 0 ? 'ignore' : stdin),
      stdout: output.writeFd,
      stderr: (errors ?? output).writeFd,
      // Detached, so the child leads its own group and a kill reaches its children.
      detached: true,
    });
    ends = { stdout: output.readFd, stderr: errors?.readFd, stdin: input?.writeFd };
    closeSync(output.writeFd);
    if (errors !== undefined) closeSync(errors.writeFd);
    if (input !== undefined) closeSync(input.readFd);
  } catch (cause) {
    for (const opened of pipes) closePipe(opened);
    return notStarted(new Error(startErrorText(command, cause), { cause }));
  }
  keepGroup(child.pid);
  const run = followProcess(forked(child), ends, options);
  if (stdin !== 'stream' && run.stdin !== undefined) {
    void run.stdin.write(stdin);
    run.stdin.end();
  }
  return run;
}

/** A process that runs, whoever started it. */
export interface StartedProcess {
  /** Settled when it was reaped. */
  readonly exited: Promise<unknown>;
  /** After `exited`: its code, or null where a signal ended it. */
  readonly exitCode: number | null;
  readonly signalCode: string | number | null;
  /** Signals its process group, if there is one still. */
  signal(signal: NodeJS.Signals): void;
  /** Its group need not be killed with the watchdog any more. */
  forget(): void;
  /** Told when nobody holds its output open any more. */
  outputEnded?(): void;
  /** Settled when it says that it is done: its answer is written whole, and it ends with 0 now. */
  readonly saidDone?: Promise<unknown>;
}

/** A child of the watchdog's own. */
export function forked(child: Bun.Subprocess, saidDone?: Promise<unknown>): StartedProcess {
  return {
    exited: child.exited,
    ...(saidDone !== undefined && { saidDone }),
    get exitCode() {
      return child.exitCode;
    },
    get signalCode() {
      return child.signalCode;
    },
    signal: (signal) => signalGroup(child.pid, signal),
    forget: () => forgetGroup(child.pid),
  };
}

/** Serves one call with a process that was started already. Closes `ends` when it has ended. */
export function followProcess(
  started: StartedProcess,
  ends: OwnEnds,
  options: FollowOptions,
): RunningProcess {
  return new Run(started, ends, options);
}

function notStarted(cause: Error): RunningProcess {
  return { outcome: Promise.resolve({ kind: 'not_started', cause }), stdin: undefined, stop: () => {} };
}

/** Our ends of the process's pipes. */
export interface OwnEnds {
  readonly stdout: number;
  readonly stderr: number | undefined;
  readonly stdin: number | undefined;
}

/** One stream of a process's output on its way. */
interface Pump {
  readonly fd: number;
  readonly reader: ReturnType<typeof readerOf>;
  /** Pieces that were read. */
  reads: number;
  /** Nothing is under way: the next piece is waited for. */
  isReading: boolean;
  isClosed?: boolean;
}

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}

/** Nothing came in the last turn of the event loop, and nothing is there. */
function isDrained(pump: Pump, readsBefore: number | undefined): boolean {
  if (pump.isClosed) return true;
  return pump.isReading && pump.reads === readsBefore && unreadBytes(pump.fd) === 0;
}

class Run implements RunningProcess {
  readonly outcome: Promise<Outcome>;
  readonly stdin: PipeWriter | undefined;
  readonly #process: StartedProcess;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #pumps: Pump[] = [];
  #stopCause: Outcome | undefined;
  #isDone = false;
  #isEnding = false;

  constructor(started: StartedProcess, ends: OwnEnds, options: FollowOptions) {
    this.#process = started;
    this.stdin = ends.stdin === undefined ? undefined : new PipeWriter(ends.stdin);
    for (const { name, ms } of options.limits) {
      const end = (): void =>
        this.#isDone ? this.#end() : this.stop({ kind: 'timed_out', limit: name, afterMs: ms });
      this.#timers.push(setTimeout(end, ms));
    }
    const ended = this.#follow(options, ends);
    const { saidDone } = started;
    this.outcome = saidDone === undefined ? ended : Promise.race([ended, this.#awaitDone(saidDone, ended)]);
  }

  stop(cause: Outcome): void {
    if (this.#stopCause !== undefined || this.#isDone) return;
    this.#stopCause = cause;
    this.#end();
  }

  #end(): void {
    this.#isEnding = true;
    this.#process.signal('SIGTERM');
    this.#timers.push(
      setTimeout(() => {
        this.#process.signal('SIGKILL');
        // A descendant that left the group may hold the output open for ever: nobody waits for it.
        for (const { reader } of this.#pumps) void reader.cancel().catch(() => {});
      }, KILL_GRACE_MS),
    );
  }

  /** The answer of a process that is done need not wait until the kernel has taken the process apart. */
  async #awaitDone(saidDone: Promise<unknown>, ended: Promise<Outcome>): Promise<Outcome> {
    await saidDone;
    for (let turn = 0; turn < DONE_TURNS && this.#stopCause === undefined; turn++) {
      const before = this.#pumps.map(({ reads }) => reads);
      await new Promise(setImmediate);
      if (!this.#pumps.every((pump, i) => isDrained(pump, before[i]))) continue;
      this.#isDone = true;
      let hasEnded = false;
      void this.#process.exited.then(() => {
        hasEnded = true;
      });
      // Children that it leaves behind have as much time as the call.
      const end = (): void => (hasEnded ? undefined : this.#end());
      this.#timers.push(setTimeout(end, DONE_GRACE_MS));
      return { kind: 'exited', exitCode: 0 };
    }
    return ended;
  }

  async #follow({ onStdout, onStderr }: FollowOptions, { stdout, stderr }: OwnEnds): Promise<Outcome> {
    try {
      const pumps = [this.#pump(stdout, onStdout, false)];
      if (stderr !== undefined && onStderr !== undefined) pumps.push(this.#pump(stderr, onStderr, true));
      if (this.#process.outputEnded === undefined) await Promise.all([...pumps, this.#process.exited]);
      else {
        await Promise.all(pumps);
        this.#process.outputEnded();
        await this.#process.exited;
      }
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
      this.#process.forget();
      this.stdin?.end();
    }
    // The leader heeded SIGTERM; what else there is of its group gets no second warning.
    if (this.#isEnding) this.#process.signal('SIGKILL');
    if (this.#stopCause !== undefined) return this.#stopCause;
    const { exitCode, signalCode } = this.#process;
    const outcome: Outcome =
      signalCode === null
        ? { kind: 'exited', exitCode: exitCode ?? 1 }
        : { kind: 'signalled', signal: String(signalCode) };
    if (this.#isDone && exitCode !== 0)
      log(`a process was answered for when it said that it was done; then: ${describeOutcome(outcome)}`);
    return outcome;
  }

  async #pump(fd: number, take: FollowOptions['onStdout'], isStderr: boolean): Promise<void> {
    const pump: Pump = { fd, reader: readerOf(fd), reads: 0, isReading: true };
    this.#pumps.push(pump);
    try {
      for (;;) {
        pump.isReading = true;
        const { done, value } = await pump.reader.read();
        pump.isReading = false;
        pump.reads++;
        if (done) return;
        if (this.#isDone) {
          // From a child that it left behind. The answer has gone; the log goes on.
          if (isStderr) log(`stderr: ${Buffer.from(value).toString().trimEnd()}`);
          continue;
        }
        const pending = take(value);
        if (pending !== undefined) await pending;
      }
    } finally {
      pump.isClosed = true;
      closeSync(fd); // the stream leaves it open
    }
  }
}

/** Writes to a pipe that its reader may close at any time: EPIPE is no error, what a process leaves unread is its own affair. */
export class PipeWriter implements StdinWriter {
  readonly #fd: number;
  readonly #sink: Bun.FileSink;
  #isOpen = true;

  constructor(fd: number) {
    makeNonBlocking(fd);
    this.#fd = fd;
    this.#sink = Bun.file(fd).writer();
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (!this.#isOpen) return undefined;
    try {
      const written: unknown = this.#sink.write(bytes);
      const flushed: unknown = this.#sink.flush();
      if (!(written instanceof Promise) && !(flushed instanceof Promise)) return undefined;
      return Promise.all([written, flushed]).then(
        () => {},
        () => this.end(),
      );
    } catch {
      this.end();
      return undefined;
    }
  }

  /** Closes the pipe once what was written is in it. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const close = (): void => closeSync(this.#fd);
    try {
      Promise.resolve(this.#sink.end()).then(close, close);
    } catch {
      close();
    }
  }
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended by itself.
  }
}
