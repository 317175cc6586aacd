import { closeSync } from 'node:fs';
import type { Command } from '../command.ts';
import { log } from '../log.ts';
import { closePipe, openPipe, unreadBytes } from '../pipe.ts';
import { type Backoff, backoffMs } from '../prefork/refill.ts';
import type { ProcessRunner } from '../process-runner.ts';
import { forgetGroup, keepGroup, type RunningProcess, signalGroup } from '../run-process.ts';
import { notFoundText, startErrorText } from '../start-error.ts';
import { ForkedCall } from './forked-call.ts';
import { parseReport, type Report } from './reports.ts';
import { openSocketPair, sendWithDescriptors } from './unix-socket.ts';

/** Version of the protocol, in `SKEP_ZYGOTE`. */
const VERSION = '1';
/** Calls sent to the zygote whose process has not begun yet: few enough that neither its socket nor the kernel's limit on descriptors under way is ever full. */
const MOST_UNSTARTED = 64;
const BACKOFF: Backoff = { firstMs: 100, mostMs: 30_000 };
const START_LIMIT_MS = 60_000;
/** For reports that a zygote wrote before it ended. */
const LAST_REPORTS_MS = 200;
/** For a report that has been read to be told. */
const REPORT_PAUSE_MS = 20;

export interface ZygoteOptions {
  readonly command: () => Command;
  /** The watchdog's own environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
}

/** A process that has loaded the function and forks a child for every call. It is started again when it ends. */
export class Zygote {
  readonly #options: ZygoteOptions;
  readonly #calls = new Map<number, ForkedCall>();
  readonly #idByPid = new Map<number, number>();
  /** Calls that were not sent yet, oldest first. */
  #queue: { readonly id: number; readonly call: ForkedCall }[] = [];
  #lastId = 0;
  #process: ZygoteProcess | undefined;
  #failures = 0;
  #lastFailure = '';
  /** Calls now sent and not yet begun. */
  readonly #unstarted = new Set<number>();

  constructor(options: ZygoteOptions) {
    this.#options = options;
    this.#start();
  }

  get isReady(): boolean {
    return this.#process?.isReady ?? false;
  }

  /** While a zygote starts a call waits for it; while none can be started it fails at once. */
  readonly fork: ProcessRunner = (request) => {
    if (this.#process === undefined) return notStarted(this.#lastFailure);
    const id = ++this.#lastId;
    try {
      const call = new ForkedCall(request, {
        onCancelled: () => this.#cancel(id),
        onUnheard: () => void this.#lookFor(id),
      });
      this.#calls.set(id, call);
      this.#queue.push({ id, call });
      this.#send();
      return call.run;
    } catch (error) {
      return notStarted((error as Error).message);
    }
  };

  #cancel(id: number): void {
    this.#queue = this.#queue.filter((queued) => queued.id !== id);
    this.#calls.get(id)?.noteEnded({ signalCode: 'SIGTERM' });
    this.#calls.delete(id);
  }

  /** Whoever took this call has ended, unless it has said so already and was not heard yet. */
  async #lookFor(id: number): Promise<void> {
    await this.#process?.reportsRead();
    const call = this.#calls.get(id);
    if (call === undefined || call.isStarted) return;
    this.#calls.delete(id);
    this.#unstarted.delete(id);
    const text = 'the process that took this request ended before it began: nothing was run, send it again';
    call.run.stop({ kind: 'not_started', cause: new Error(text) });
    call.noteEnded({ signalCode: 'SIGKILL' });
    this.#send();
  }

  #send(): void {
    const zygote = this.#process;
    if (zygote === undefined || !zygote.isReady) return;
    while (this.#unstarted.size < MOST_UNSTARTED) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (!zygote.send(next.id, next.call.descriptors)) {
        // It has gone, and its end will be told: the call waits for the next one.
        this.#queue.unshift(next);
        return;
      }
      this.#unstarted.add(next.id);
      next.call.noteSent();
    }
  }

  #start(): void {
    const command = this.#options.command();
    try {
      this.#process = new ZygoteProcess({
        command,
        baseEnv: this.#options.baseEnv,
        onReport: (report) => this.#take(report),
        onEnded: (end) => this.#noteEnd(end),
      });
    } catch (error) {
      const isFound = command.path !== undefined;
      this.#noteEnd(isFound ? startErrorText(command, error) : (error as Error).message);
    }
  }

  #take(report: Report): void {
    if (report.kind === 'ready') {
      log('zygote: the function is loaded');
      this.#send();
      return;
    }
    if (report.kind === 'ended') {
      const id = this.#idByPid.get(report.pid);
      this.#idByPid.delete(report.pid);
      if (id === undefined) return;
      this.#failures = 0;
      this.#calls.get(id)?.noteEnded(report.exit);
      this.#calls.delete(id);
      return;
    }
    const { id } = report;
    const call = this.#calls.get(id);
    this.#unstarted.delete(id);
    if (report.kind === 'started') {
      this.#idByPid.set(report.pid, id);
      call?.noteStarted(report.pid);
    } else {
      this.#calls.delete(id);
      call?.run.stop({ kind: 'not_started', cause: new Error(`cannot serve: ${report.reason}`) });
      call?.noteEnded({ exitCode: 1 });
    }
    this.#send();
  }

  #noteEnd(end: string): void {
    const wasReady = this.#process?.isReady ?? false;
    this.#process = undefined;
    this.#unstarted.clear();
    this.#idByPid.clear();
    this.#failures++;
    // One that had served is started again at once: calls wait for it. The next failure in a row has them fail.
    const waitMs = wasReady && this.#failures === 1 ? 0 : backoffMs(this.#failures, BACKOFF);
    this.#lastFailure = `the process that loads the function and forks for each call (mode=zygote) has ended: ${end}; its log says why. The next start in ${waitMs}ms`;
    log(`zygote: ended: ${end}; the next start in ${waitMs}ms`);
    const lost = [...this.#calls].filter(([id, call]) => waitMs > 0 || !this.#isQueued(id) || call.isStarted);
    for (const [id, call] of lost) {
      this.#calls.delete(id);
      // Who ended it, and how, only its parent could have told.
      if (call.isStarted) call.run.stop({ kind: 'signalled', signal: 'SIGKILL' });
      else call.run.stop({ kind: 'not_started', cause: new Error(this.#lastFailure) });
      call.signal('SIGKILL');
      call.noteEnded({ signalCode: 'SIGKILL' });
    }
    if (waitMs > 0) this.#queue = [];
    if (waitMs === 0) this.#start();
    else setTimeout(() => this.#start(), waitMs);
  }

  #isQueued(id: number): boolean {
    return this.#queue.some((queued) => queued.id === id);
  }
}

function notStarted(reason: string): RunningProcess {
  return {
    outcome: Promise.resolve({ kind: 'not_started', cause: new Error(reason) }),
    stdin: undefined,
    stop: () => {},
  };
}

interface ZygoteProcessOptions {
  readonly command: Command;
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly onReport: (report: Report) => void;
  /** It has ended, and all that it reported was told. */
  readonly onEnded: (end: string) => void;
}

/** One zygote, from its start to its end. */
class ZygoteProcess {
  isReady = false;
  readonly #child: Bun.Subprocess;
  readonly #options: ZygoteProcessOptions;
  readonly #socket: number;
  readonly #startLimit: ReturnType<typeof setTimeout>;
  readonly #reports: number;
  #hasEnded = false;
  #failure: string | undefined;

  /** @throws the error of a start that fails; no descriptor is left open */
  constructor(options: ZygoteProcessOptions) {
    const { command, baseEnv } = options;
    this.#options = options;
    if (command.path === undefined) throw new Error(notFoundText(command.name));
    const reports = openPipe();
    const sockets = openSocketPair();
    try {
      // What it prints is the log's; a call's output has pipes of its own.
      const stdio = ['ignore', 2, 2, sockets.theirs, reports.writeFd];
      this.#child = Bun.spawn({
        cmd: [command.path, ...command.args],
        argv0: command.name,
        env: { ...baseEnv, ...command.env, SKEP_ZYGOTE: VERSION },
        stdio: stdio as unknown as ['ignore', 'ignore', 'ignore'],
        detached: true,
      });
    } catch (error) {
      closePipe(reports);
      closePipe({ readFd: sockets.ours, writeFd: sockets.theirs });
      throw error;
    }
    closeSync(reports.writeFd);
    closeSync(sockets.theirs);
    this.#socket = sockets.ours;
    this.#reports = reports.readFd;
    keepGroup(this.#child.pid);
    const seconds = START_LIMIT_MS / 1000;
    this.#startLimit = setTimeout(
      () => this.#fail(`it did not say within ${seconds}s that it is ready (docs/prefork.md)`),
      START_LIMIT_MS,
    );
    void this.#follow();
  }

  /** @returns false when it has gone */
  send(id: number, fds: readonly number[]): boolean {
    return sendWithDescriptors(this.#socket, `fork ${id}`, fds);
  }

  /** Settled when all that is reported by now was told. */
  async reportsRead(): Promise<void> {
    do await Bun.sleep(REPORT_PAUSE_MS);
    while (!this.#hasEnded && unreadBytes(this.#reports) > 0);
  }

  async #follow(): Promise<void> {
    const reader = readerOf(this.#reports);
    const read = this.#readReports(reader);
    await this.#child.exited;
    clearTimeout(this.#startLimit);
    signalGroup(this.#child.pid, 'SIGKILL');
    forgetGroup(this.#child.pid);
    closeSync(this.#socket);
    await Promise.race([read, Bun.sleep(LAST_REPORTS_MS)]);
    await reader.cancel().catch(() => {});
    this.#hasEnded = true;
    closeSync(this.#reports);
    const { signalCode, exitCode } = this.#child;
    const end = signalCode === null ? `exit status ${exitCode}` : `signal ${String(signalCode)}`;
    this.#options.onEnded(this.#failure ?? end);
  }

  async #readReports(reader: ReturnType<typeof readerOf>): Promise<void> {
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + Buffer.from(value).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        try {
          const report = parseReport(line);
          if (report.kind === 'ready') this.#noteReady();
          this.#options.onReport(report);
        } catch (error) {
          this.#fail((error as Error).message);
          return;
        }
      }
    }
  }

  #noteReady(): void {
    clearTimeout(this.#startLimit);
    this.isReady = true;
  }

  #fail(reason: string): void {
    this.#failure ??= reason;
    signalGroup(this.#child.pid, 'SIGKILL');
  }
}

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}
