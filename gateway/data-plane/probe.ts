import { readyPath } from '../functions/ready-path.ts';
import type { FunctionEntry, LiveReplica } from './function-table.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
const ATTEMPT_TIMEOUT_MS = 1000;
/** From a watchdog that is another function. */
const MISDIRECTED = 421;

export interface ProberOptions {
  readonly port: number;
  readonly onReady: (entry: FunctionEntry, replica: LiveReplica) => void;
}

/**
 * Asks replicas for their health until they answer. A replica takes calls only after it answered once, so a container
 * that runs but does not listen yet costs nobody a failed call.
 */
export class Prober {
  readonly #probing = new Map<LiveReplica, AbortController>();
  readonly #options: ProberOptions;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Probes until the replica is ready or `stop` is called. Does nothing when it is being probed already. */
  start(entry: FunctionEntry, replica: LiveReplica): void {
    if (this.#probing.has(replica)) return;
    const controller = new AbortController();
    this.#probing.set(replica, controller);
    void this.#probe(entry, replica, controller.signal).finally(() => {
      if (this.#probing.get(replica) === controller) this.#probing.delete(replica);
    });
  }

  stop(replica: LiveReplica): void {
    this.#probing.get(replica)?.abort();
    this.#probing.delete(replica);
  }

  stopAll(): void {
    for (const replica of [...this.#probing.keys()]) this.stop(replica);
  }

  async #probe(entry: FunctionEntry, replica: LiveReplica, signal: AbortSignal): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const failure = await this.#failureOf(entry, replica, signal);
      if (signal.aborted) return;
      if (failure === undefined) {
        replica.isReady = true;
        this.#options.onReady(entry, replica);
        return;
      }
      replica.probeFailure = failure;
      await pause(pauseMs, signal);
    }
  }

  /** Undefined: it takes calls. */
  async #failureOf(
    entry: FunctionEntry,
    replica: LiveReplica,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const port = replica.port ?? this.#options.port;
    try {
      const response = await fetch(`http://${replica.address}:${port}${readyPath(entry.annotations)}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]),
        headers: { 'user-agent': 'skep-gateway/probe', 'x-skep-function': entry.key },
        redirect: 'manual',
        keepalive: false,
      });
      // Its status is all that counts, and a body may have no end.
      await response.body?.cancel();
      // Whatever listens is taken, but for a server that says it is not ready: images without a watchdog answer 404 here.
      if (response.status === MISDIRECTED) return 'another function answers at its address';
      return response.status < 500 ? undefined : `it answers ${response.status}`;
    } catch (error) {
      // Not listening yet: the next attempt tells.
      if (!(error instanceof Error) || error.name === 'TimeoutError') return `no answer from port ${port}`;
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ECONNREFUSED'
        ? `nothing listens on port ${port}`
        : `no HTTP from port ${port} (${code})`;
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
