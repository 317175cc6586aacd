import { randomUUID } from 'node:crypto';
import { answersHealth } from './answers-health.ts';
import { type OwnPorts, upstreamPort, withUpstreamPort } from './own-upstream.ts';
import type { Version } from './version.ts';
import { WatchdogProcess } from './watchdog-process.ts';

export interface ReplicaOptions {
  readonly version: Version;
  readonly command: readonly string[];
  readonly ports: OwnPorts;
  /** Of the function's annotations. */
  readonly healthPath: string;
  /** `name.namespace` */
  readonly key: string;
  readonly onLine: (replica: ReplicaProcess, text: string) => void;
  /** It listens, or has answered for the first time. */
  readonly onChange: () => void;
  /** Called once; undefined: it was told to stop. */
  readonly onEnd: (replica: ReplicaProcess, error: string | undefined) => void;
  /** Why the one before it ended. */
  readonly lastError: string | undefined;
}

/** One running copy of a function: a watchdog, from its start to its end. */
export class ReplicaProcess {
  readonly id = randomUUID().replaceAll('-', '').slice(0, 12);
  readonly version: Version;
  readonly startedAt = performance.now();
  /** Why the one before it ended, until this one has answered. */
  lastError: string | undefined;
  /** Of its watchdog, once it listens. */
  port: number | undefined;
  hasAnswered = false;
  isStopping = false;
  /** Settled when nothing of it is left. */
  readonly ended: Promise<void>;
  readonly #options: ReplicaOptions;
  readonly #stopped = new AbortController();
  #process: WatchdogProcess | undefined;
  #killAfterMs: number | undefined;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.version = options.version;
    this.lastError = options.lastError;
    this.ended = this.#live();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** It was told to stop, and had not ended when its time was over. */
  get wasCutOff(): boolean {
    return this.#process?.wasCutOff === true;
  }

  /** It finishes what it has taken; what lasts longer than `graceMs` is cut off. */
  stop(graceMs = this.version.stopGraceMs): void {
    this.isStopping = true;
    this.#stopped.abort();
    this.#killAfterMs = Math.min(graceMs, this.#killAfterMs ?? graceMs);
    this.#process?.stop(this.#killAfterMs);
  }

  async #live(): Promise<void> {
    const { onEnd } = this.#options;
    let how: string;
    try {
      await undefined; // Whoever makes it has it before it can end.
      how = await this.#run();
    } catch (error) {
      how = `it could not be started: ${(error as Error).message}`;
    }
    const wasToldTo = this.isStopping;
    this.isStopping = true;
    this.#stopped.abort();
    onEnd(this, wasToldTo ? undefined : how);
  }

  async #run(): Promise<string> {
    const { version, command, ports, onLine, onChange } = this.#options;
    const from = upstreamPort(version.env);
    const to = from === undefined ? undefined : await ports.take();
    try {
      if (this.isStopping) return 'it was stopped before it was started';
      const ended = Promise.withResolvers<string>();
      this.#process = new WatchdogProcess({
        command,
        folder: version.folder,
        env:
          from === undefined || to === undefined ? version.env : withUpstreamPort(version.env, { from, to }),
        onLine: (text) => onLine(this, text),
        onListening: (port) => {
          this.port = port;
          onChange();
          void this.#awaitAnswer(port);
        },
        onEnd: ended.resolve,
      });
      if (this.#killAfterMs !== undefined) this.#process.stop(this.#killAfterMs);
      return await ended.promise;
    } finally {
      if (to !== undefined) ports.giveBack(to);
    }
  }

  async #awaitAnswer(port: number): Promise<void> {
    const { key, healthPath, onChange } = this.#options;
    if (!(await answersHealth({ port, path: healthPath, key }, this.#stopped.signal))) return;
    this.hasAnswered = true;
    this.lastError = undefined;
    onChange();
  }
}
