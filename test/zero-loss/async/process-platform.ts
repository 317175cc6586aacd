import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { Ledger } from './ledger.ts';
import type { Interruption } from './verdict.ts';

const FUNCTION = join(import.meta.dirname, 'counting-function.ts');
const MAIN = join(import.meta.dirname, '..', '..', '..', 'gateway', 'main.ts');

export interface ProcessPlatformOptions {
  /** Names of functions; all are the one program. */
  readonly functions: readonly string[];
  readonly queueWorkers: number;
  /** Where the functions' replicas are; absent: the counting program is started. */
  readonly functionPort?: number;
  /** More of the queue workers' environment. */
  readonly workerSettings?: Readonly<Record<string, string>>;
  readonly gatewaySettings?: Readonly<Record<string, string>>;
}

/** Something that is killed with `SIGKILL` and started again as a supervisor would. */
export interface Part {
  readonly what: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** The parts that asynchronous calls pass, each in real processes; the cluster alone is in memory. */
export class ProcessPlatform {
  readonly ledger = new Ledger();
  readonly interruptions: Interruption[] = [];
  readonly #options: ProcessPlatformOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'skep-async-'));
  readonly #logFile = join(this.#folder, 'queue-workers.log');
  readonly #gatewayPort = freePort();
  readonly #functionPort: number;
  #nats: NatsServer | undefined;
  #gateway: RunningGateway | undefined;
  #function: Bun.Subprocess | undefined;
  readonly #workers: (Bun.Subprocess | undefined)[] = [];

  constructor(options: ProcessPlatformOptions) {
    this.#options = options;
    this.#functionPort = options.functionPort ?? freePort();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#gatewayPort}`;
  }

  get gateway(): RunningGateway {
    if (this.#gateway === undefined) throw new Error('the gateway does not run');
    return this.#gateway;
  }

  get nats(): NatsServer {
    if (this.#nats === undefined) throw new Error('NATS does not run');
    return this.#nats;
  }

  /** What the queue workers have written. */
  workerLog(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  async open(): Promise<void> {
    this.#nats = await startNats();
    if (this.#options.functionPort === undefined) await this.functions.start();
    await this.gatewayPart.start();
    for (let index = 0; index < this.#options.queueWorkers; index++) await this.queueWorker(index).start();
  }

  async close(): Promise<void> {
    for (let index = 0; index < this.#workers.length; index++) await this.queueWorker(index).kill();
    await this.gatewayPart.kill();
    await this.functions.kill();
    await this.#nats?.close();
    await this.ledger.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Kills it, starts it again, and notes since when and until when it was away. */
  async interrupt(part: Part, awayMs = 0): Promise<void> {
    const from = Date.now();
    await part.kill();
    await Bun.sleep(awayMs);
    await part.start();
    this.interruptions.push({ what: part.what, from, to: Date.now() });
  }

  get natsPart(): Part {
    return { what: 'NATS', kill: () => this.nats.kill(), start: () => this.nats.start() };
  }

  readonly functions: Part = {
    what: 'function',
    kill: () => kill(this.#function),
    start: async () => {
      this.#function = Bun.spawn([process.execPath, FUNCTION], {
        env: { PATH: process.env['PATH'] ?? '', port: `${this.#functionPort}`, ledger: this.ledger.url },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      await until('the function', () => answers(`http://127.0.0.1:${this.#functionPort}/_/health`));
    },
  };

  readonly gatewayPart: Part = {
    what: 'gateway',
    kill: async () => {
      await this.#gateway?.end();
      this.#gateway = undefined;
    },
    start: async () => {
      const deployed = this.#options.functions.map((service) => ({ service, image: 'counting:1' }));
      this.#gateway = await runGateway({
        port: `${this.#gatewayPort}`,
        gateway_workers: '2',
        function_port: `${this.#functionPort}`,
        faas_nats_address: this.nats.host,
        faas_nats_port: `${this.nats.port}`,
        write_timeout: '1s',
        deployed: JSON.stringify(deployed),
        ...this.#options.gatewaySettings,
      });
      await until('the gateway', () => answers(`${this.url}/healthz`));
    },
  };

  /** One of the gateway's processes that take calls; the gateway starts another one by itself. */
  readonly dataPlaneWorker: Part = {
    what: "gateway's worker",
    kill: async () => {
      const before = this.gateway.workers();
      const [victim] = before;
      if (victim === undefined) throw new Error('the gateway has no worker');
      process.kill(victim, 'SIGKILL');
      await until('another worker', async () => {
        const now = this.gateway.workers();
        return now.length === before.length && !now.includes(victim);
      });
    },
    start: () => until('the gateway', () => answers(`${this.url}/healthz`)),
  };

  /** @param index from 0 */
  queueWorker(index: number): Part {
    return {
      what: 'queue worker',
      kill: async () => {
        await kill(this.#workers[index]);
        this.#workers[index] = undefined;
      },
      start: async () => {
        const log = openSync(this.#logFile, 'a');
        this.#workers[index] = Bun.spawn([process.execPath, MAIN, 'queue-worker'], {
          env: {
            PATH: process.env['PATH'] ?? '',
            nats_host: this.nats.host,
            nats_port: `${this.nats.port}`,
            gateway_url: this.url,
            metrics_port: '0',
            initial_retry_wait: '200ms',
            ...this.#options.workerSettings,
          },
          stdio: ['ignore', log, log],
        });
        closeSync(log);
      },
    };
  }

  /** @throws {Error} when it does not run */
  queueWorkerPid(index: number): number {
    const worker = this.#workers[index];
    if (worker === undefined) throw new Error(`no queue worker ${index}`);
    return worker.pid;
  }
}

async function kill(child: Bun.Subprocess | undefined): Promise<void> {
  child?.kill('SIGKILL');
  await child?.exited;
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url).catch(() => undefined))?.status === 200;
}
