import type { CallbackSeen, Run } from './verdict.ts';

interface Told {
  readonly run: string;
  readonly token: string;
  readonly isWhole: boolean;
  readonly function: string;
  readonly callId: string;
}

/** What functions say that they have run, and what was called back: whoever else is killed, this process is not. */
export class Ledger {
  readonly runs: Run[] = [];
  readonly callbacks: CallbackSeen[] = [];
  readonly #open = new Map<string, Run & { endedAt?: number }>();
  readonly #server: Bun.Server<undefined>;

  /** @param hostname where functions reach this process */
  constructor(hostname = '127.0.0.1') {
    this.#server = Bun.serve({
      hostname,
      port: 0,
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === '/callback') this.#calledBack(request, await request.text());
        else this.#told(pathname, (await request.json()) as Told);
        return new Response('');
      },
    });
  }

  get host(): string {
    return this.#server.hostname ?? '';
  }

  get url(): string {
    return `http://${this.host}:${this.#server.port}`;
  }

  /** Runs of one function that have begun. */
  runsOf(name: string): readonly Run[] {
    return this.runs.filter((run) => run.function === name);
  }

  async close(): Promise<void> {
    await this.#server.stop(true);
  }

  #told(moment: string, { run: id, ...told }: Told): void {
    if (moment === '/begin') {
      const run = { ...told, beganAt: Date.now() };
      this.runs.push(run);
      this.#open.set(id, run);
      return;
    }
    const run = this.#open.get(id);
    this.#open.delete(id);
    if (run !== undefined) run.endedAt = Date.now();
  }

  #calledBack(request: Request, body: string): void {
    const [token = ''] = body.slice(0, 200).split(' ');
    const status = request.headers.get('x-function-status') ?? '';
    this.callbacks.push({ token, callId: request.headers.get('x-call-id') ?? '', status });
  }
}
