import { closeSync, readSync } from 'node:fs';
import type { Command } from '../command.ts';
import { closePipe, makeNonBlocking, openPipe, type Pipe, unreadBytes } from '../pipe.ts';
import type { ProcessRequest } from '../process-runner.ts';
import {
  followProcess,
  forgetGroup,
  forked,
  keepGroup,
  PipeWriter,
  type RunningProcess,
  signalGroup,
} from '../run-process.ts';
import { PREFORK_VERSION, requestDocument } from './request-document.ts';

/** From SIGTERM to SIGKILL. */
const KILL_GRACE_MS = 1000;
/** What a process that ended while it waited left in its pipe: no more than the pipe holds. */
const KEPT_STDERR_BYTES = 65_536;

export interface WaitingOptions {
  readonly command: Command;
  /** The watchdog's own environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** stderr goes into the same pipe as stdout. */
  readonly combinesOutput: boolean;
  /** Its answer may go when it says that it is done, before it has ended. */
  readonly heedsDone: boolean;
  /** It said that it waits. */
  readonly onReady: () => void;
  /** It ended before it was given a request; never called after `serve`. */
  readonly onEnded: (end: string, stderr: string) => void;
}

/** A process that is started ahead of its request, and waits for it. */
export class WaitingProcess {
  readonly pid: number;
  readonly #child: Bun.Subprocess;
  readonly #options: WaitingOptions;
  readonly #input: number;
  readonly #output: number;
  readonly #errors: number | undefined;
  /** Both ends are kept: what is left in this pipe when the process has ended tells whether it read its request. */
  readonly #variables: Pipe;
  readonly #saidDone: Promise<void>;
  #state: 'starting' | 'waiting' | 'serving' | 'ended' = 'starting';

  /** @throws the error of a start that fails; no descriptor is left open */
  constructor(options: WaitingOptions) {
    const { command, baseEnv, combinesOutput } = options;
    if (command.path === undefined) throw new Error(`no executable ${command.name}`);
    this.#options = options;
    const pipes: Pipe[] = [];
    const pipe = (): Pipe => {
      const opened = openPipe();
      pipes.push(opened);
      return opened;
    };
    try {
      const input = pipe();
      const output = pipe();
      const errors = combinesOutput ? undefined : pipe();
      const variables = pipe();
      const ready = pipe();
      const stdio = [
        input.readFd,
        output.writeFd,
        (errors ?? output).writeFd,
        variables.readFd,
        ready.writeFd,
      ];
      this.#child = Bun.spawn({
        cmd: [command.path, ...command.args],
        argv0: command.name,
        env: { ...baseEnv, ...command.env, SKEP_PREFORK: PREFORK_VERSION },
        stdio: stdio as unknown as ['ignore', 'ignore', 'ignore'],
        detached: true,
      });
      for (const fd of [input.readFd, output.writeFd, ready.writeFd]) closeSync(fd);
      if (errors !== undefined) closeSync(errors.writeFd);
      this.#input = input.writeFd;
      this.#output = output.readFd;
      this.#errors = errors?.readFd;
      this.#variables = variables;
      this.pid = this.#child.pid;
      keepGroup(this.pid);
      this.#saidDone = new Promise((resolve) => void this.#hear(ready.readFd, resolve));
      void this.#child.exited.then(() => this.#ended());
    } catch (error) {
      for (const opened of pipes) closePipe(opened);
      throw error;
    }
  }

  get isReady(): boolean {
    return this.#state === 'waiting';
  }

  /** Hands the request over. What the process wrote until now is the beginning of its output, as if it had just begun. */
  serve(request: ProcessRequest): ServingProcess {
    this.#state = 'serving';
    const ends = { stdin: this.#input, stdout: this.#output, stderr: this.#errors };
    const saidDone = this.#options.heedsDone ? this.#saidDone : undefined;
    const run = followProcess(forked(this.#child, saidDone), ends, request);
    const variables = new PipeWriter(this.#variables.writeFd);
    void variables.write(requestDocument(request.variables));
    variables.end();
    if (request.stdin !== 'stream') {
      if (request.stdin.length > 0) void run.stdin?.write(request.stdin);
      run.stdin?.end();
    }
    let unread = false;
    const outcome = run.outcome.then((ended) => {
      unread = unreadBytes(this.#variables.readFd) > 0;
      closeSync(this.#variables.readFd);
      return ended;
    });
    return { ...run, outcome, stop: (cause) => run.stop(cause), wasLeftUnread: () => unread };
  }

  /** Ends it; nobody is told. */
  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    signalGroup(this.pid, 'SIGTERM');
    const kill = setTimeout(() => signalGroup(this.pid, 'SIGKILL'), KILL_GRACE_MS);
    void this.#child.exited.then(() => {
      clearTimeout(kill);
      this.#bury();
    });
  }

  #ended(): void {
    if (this.#state === 'serving' || this.#state === 'ended') return;
    this.#state = 'ended';
    const { signalCode, exitCode } = this.#child;
    const stderr = readWhatIsThere(this.#errors ?? this.#output);
    this.#bury();
    this.#options.onEnded(
      signalCode === null ? `exit status ${exitCode}` : `ended by ${String(signalCode)}`,
      stderr,
    );
  }

  /** The leader has ended: nothing of its group shall live on, and no descriptor stay open. */
  #bury(): void {
    signalGroup(this.pid, 'SIGKILL');
    forgetGroup(this.pid);
    closePipe(this.#variables);
    for (const fd of [this.#input, this.#output, this.#errors]) if (fd !== undefined) closeSync(fd);
  }

  /** What it says on descriptor 4: a line with the version it speaks when it waits, and perhaps one more when it is done. */
  async #hear(fd: number, onDone: () => void): Promise<void> {
    const reader = Bun.file(fd).stream().getReader();
    // A descendant may hold the other end for ever.
    void this.#child.exited.then(() => reader.cancel()).catch(() => {});
    const [ready, done] = [`${PREFORK_VERSION}\n`, `${PREFORK_VERSION}\ndone\n`];
    let text = '';
    try {
      while (done.startsWith(text) && text !== done) {
        const read = await reader.read();
        if (read.done) break;
        text += Buffer.from(read.value).toString('latin1');
        if (text.startsWith(ready) && this.#state === 'starting') {
          this.#state = 'waiting';
          this.#options.onReady();
        }
      }
      if (text === done) onDone();
      await reader.cancel();
    } catch {
      // It has ended.
    } finally {
      closeSync(fd);
    }
  }
}

export interface ServingProcess extends RunningProcess {
  /** After its outcome: it ended without having read its request to the end. */
  wasLeftUnread(): boolean;
}

function readWhatIsThere(fd: number): string {
  makeNonBlocking(fd);
  const bytes = Buffer.alloc(KEPT_STDERR_BYTES);
  let length = 0;
  try {
    for (;;) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
  } catch {
    // EAGAIN: a descendant holds the pipe open; there is no more for now.
  }
  return bytes.toString('utf8', 0, length);
}
