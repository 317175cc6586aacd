import type { Upstream } from './config-readers.ts';
import { log } from './log.ts';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;
const PROBE_TIMEOUT_MS = 1_000;
/** How long nobody may listen before the log says so. */
const PATIENCE_MS = 10_000;

/** Knows whether the hosted process takes connections: dials until one is taken, and again after a call met none. */
export class UpstreamWatch {
  readonly #address: Upstream['address'];
  #isListening = false;
  #wasListening = false;
  #waiting: (() => void)[] = [];

  constructor(address: Upstream['address']) {
    this.#address = address;
    void this.#dialUntilTaken();
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** It has listened before: a call that meets nobody is told at once, for it may be long until someone listens again. */
  get wasListening(): boolean {
    return this.#wasListening;
  }

  /** A call could not be delivered. */
  refused(): void {
    if (!this.#isListening) return;
    this.#isListening = false;
    void this.#dialUntilTaken();
  }

  /** Calls back once: when it listens, or after `withinMs`. */
  whenListening(withinMs: number, then: () => void): void {
    if (this.#isListening) {
      then();
      return;
    }
    const proceed = (): void => {
      clearTimeout(timer);
      const index = this.#waiting.indexOf(proceed);
      if (index !== -1) this.#waiting.splice(index, 1);
      then();
    };
    const timer = setTimeout(proceed, withinMs);
    this.#waiting.push(proceed);
  }

  async #dialUntilTaken(): Promise<void> {
    const { hostname, port } = this.#address;
    const startedAt = performance.now();
    let pauseMs = FIRST_PAUSE_MS;
    let wasTold = false;
    while (!(await takesConnections(this.#address))) {
      if (!wasTold && performance.now() - startedAt > PATIENCE_MS) {
        wasTold = true;
        log(`nothing listens at ${hostname}:${port} (upstream_url) yet: /_/health answers 503 until then`);
      }
      await Bun.sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
    this.#isListening = this.#wasListening = true;
    for (const proceed of [...this.#waiting]) proceed();
  }
}

async function takesConnections({ hostname, port }: Upstream['address']): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PROBE_TIMEOUT_MS);
  });
  const dialled = Bun.connect({ hostname, port, socket: { data() {}, error() {} } }).catch(() => undefined);
  void dialled.then((socket) => socket?.end());
  const socket = await Promise.race([dialled, late]);
  clearTimeout(timer);
  return socket !== undefined;
}
