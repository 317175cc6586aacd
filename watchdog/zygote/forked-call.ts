import { closeSync } from 'node:fs';
import { closePipe, openPipe, type Pipe } from '../pipe.ts';
import { requestDocument } from '../prefork/request-document.ts';
import type { ProcessRequest } from '../process-runner.ts';
import {
  followProcess,
  forgetGroup,
  keepGroup,
  PipeWriter,
  type RunningProcess,
  type StartedProcess,
  signalGroup,
} from '../run-process.ts';

export interface ForkedCallEvents {
  /** The call is over before it was sent. */
  readonly onCancelled: () => void;
  /** It was sent, and nobody has it any more, though no process was heard of: the one that took it has ended. */
  readonly onUnheard: () => void;
}

/** One call on its way through the zygote: its pipes, and the process that is forked for it. */
export class ForkedCall implements StartedProcess {
  readonly run: RunningProcess;
  /** What goes to the zygote: the process's stdin, stdout, stderr and variables. */
  readonly descriptors: readonly number[];
  readonly exited: Promise<void>;
  exitCode: number | null = null;
  signalCode: string | null = null;
  readonly #document: Buffer;
  readonly #variables: Pipe;
  readonly #events: ForkedCallEvents;
  #areSent = false;
  #isStarted = false;
  #pid: number | undefined;
  #hasEnded = false;
  #isCancelled = false;
  #isTold = false;
  #settle: () => void = () => {};

  /** @throws when no file descriptor is left */
  constructor(request: ProcessRequest, events: ForkedCallEvents) {
    this.#document = requestDocument(request.variables);
    this.#events = events;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const pipes: Pipe[] = [];
    const pipe = (): Pipe => {
      const opened = openPipe();
      pipes.push(opened);
      return opened;
    };
    try {
      const input = pipe();
      const output = pipe();
      const errors = request.onStderr === undefined ? undefined : pipe();
      this.#variables = pipe();
      this.descriptors = [input.readFd, output.writeFd, (errors ?? output).writeFd, this.#variables.readFd];
      const ends = { stdin: input.writeFd, stdout: output.readFd, stderr: errors?.readFd };
      const run = followProcess(this, ends, request);
      if (request.stdin !== 'stream') {
        if (request.stdin.length > 0) void run.stdin?.write(request.stdin);
        run.stdin?.end();
      }
      this.run = {
        outcome: run.outcome,
        stdin: request.stdin === 'stream' ? run.stdin : undefined,
        stop: (cause) => run.stop(cause),
      };
    } catch (error) {
      for (const opened of pipes) closePipe(opened);
      throw error;
    }
  }

  /** The zygote has copies of the process's ends. */
  noteSent(): void {
    if (this.#areSent) return;
    this.#areSent = true;
    for (const fd of new Set(this.descriptors)) closeSync(fd);
  }

  /** Its process leads its own group, and now waits for its variables. */
  noteStarted(pid: number): void {
    // Of a call that is over it gets no document, and ends.
    if (this.#hasEnded || this.#isStarted) return;
    this.#isStarted = true;
    this.#pid = pid;
    keepGroup(pid);
    // No process runs for a call that is over, and none of which we could not tell what became of it.
    if (this.#isCancelled) signalGroup(pid, 'SIGKILL');
    else {
      this.#isTold = true;
      const variables = new PipeWriter(this.#variables.writeFd);
      void variables.write(this.#document);
      variables.end();
    }
  }

  /** Its process was reaped, or there will be none. */
  noteEnded(exit: { readonly exitCode: number } | { readonly signalCode: string }): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if ('exitCode' in exit) this.exitCode = exit.exitCode;
    else this.signalCode = exit.signalCode;
    if (!this.#isTold) closeSync(this.#variables.writeFd);
    this.noteSent();
    this.#settle();
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#pid !== undefined) signalGroup(this.#pid, signal);
    else {
      this.#isCancelled = true;
      if (!this.#areSent) this.#events.onCancelled();
      // Its caller has waited long enough for a zygote that does not fork.
      else if (signal === 'SIGKILL') this.noteEnded({ signalCode: signal });
    }
  }

  outputEnded(): void {
    if (this.#areSent && !this.#isStarted && !this.#hasEnded) this.#events.onUnheard();
  }

  forget(): void {
    if (this.#pid !== undefined) forgetGroup(this.#pid);
  }
}
