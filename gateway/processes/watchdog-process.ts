import type { FromWatchdog } from '../../contract/watchdog-role.ts';
import { LineReader } from './line-reader.ts';

export interface WatchdogProcessOptions {
  readonly command: readonly string[];
  /** In which its function's processes run. */
  readonly folder: string;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (text: string) => void;
  readonly onListening: (port: number) => void;
  /** Called once, after the last line. `how` is in the cluster's words: `exit code 1`, `signal SIGKILL`. */
  readonly onEnd: (how: string) => void;
}

/** After its end, what it wrote last is waited for this long: a descendant may hold its output open for ever. */
const LAST_OUTPUT_MS = 500;

/** One watchdog. It leads a session of its own, so that a terminal's Ctrl-C is for whoever started it, and ends with this process. */
export class WatchdogProcess {
  /** Settled when it was reaped and its last lines were told. */
  readonly ended: Promise<void>;
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly #groups = new Set<number>();
  #kill: { readonly at: number; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  #hasEnded = false;
  #wasCutOff = false;

  /** @throws {Error} when it cannot be started */
  constructor(options: WatchdogProcessOptions) {
    const { command, folder, env, onLine, onListening, onEnd } = options;
    this.#child = Bun.spawn([...command, folder], {
      // Not in the function's folder: whatever settings for a runtime are there are the function's, not the watchdog's.
      cwd: '/',
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      serialization: 'json',
      ipc: (message: FromWatchdog) => {
        if (message.kind === 'listening') onListening(message.port);
        else if (message.kind === 'group') this.#groups.add(message.leader);
        else this.#groups.delete(message.leader);
      },
    });
    const told = Promise.all([readLines(this.#child.stdout, onLine), readLines(this.#child.stderr, onLine)]);
    this.ended = this.#follow(told).then(onEnd);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** It was asked to end and had not when its time was over. */
  get wasCutOff(): boolean {
    return this.#wasCutOff;
  }

  /** Asks it to finish what it has taken and to end; kills it after `graceMs`. The shortest time that was asked for counts. */
  stop(graceMs: number): void {
    if (this.#hasEnded) return;
    if (this.#kill === undefined) this.#child.kill('SIGTERM');
    const at = performance.now() + graceMs;
    if (this.#kill !== undefined && this.#kill.at <= at) return;
    clearTimeout(this.#kill?.timer);
    const cutOff = (): void => {
      this.#wasCutOff = true;
      this.#child.kill('SIGKILL');
    };
    this.#kill = { at, timer: setTimeout(cutOff, graceMs) };
  }

  async #follow(told: Promise<unknown>): Promise<string> {
    await this.#child.exited;
    this.#hasEnded = true;
    clearTimeout(this.#kill?.timer);
    const { exitCode, signalCode } = this.#child;
    // A watchdog that ends in order has ended its processes. One that was killed could not.
    if (signalCode !== null) for (const leader of this.#groups) killGroup(leader);
    await Promise.race([told, Bun.sleep(LAST_OUTPUT_MS)]);
    return signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (text: string) => void): Promise<void> {
  const lines = new LineReader(onLine);
  try {
    for await (const bytes of stream) {
      lines.push(bytes);
      // One that prints without end would otherwise keep this process from all others.
      await new Promise(setImmediate);
    }
    lines.end();
  } catch (error) {
    onLine(`the rest of what it writes cannot be read: ${(error as Error).message}`);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
