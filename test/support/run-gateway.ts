import { readFileSync, rmSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { ProviderCall } from './fake-provider.ts';
import type { FromGateway, ToGateway } from './gateway-on-fake-cluster.ts';
import { until } from './platform.ts';

const PROGRAM = join(import.meta.dirname, 'gateway-on-fake-cluster.ts');

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A gateway of several processes on a cluster in memory. */
export interface RunningGateway {
  readonly pid: number;
  readonly port: number;
  readonly metricsPort: number;
  /** Changes asked of the cluster so far. */
  readonly clusterCalls: readonly ProviderCall[];
  readonly lines: readonly LogLine[];
  tell(message: ToGateway): void;
  /** Processes of its workers, now. */
  workers(): number[];
  kill(signal: NodeJS.Signals): void;
  /** Kills it where it still runs, and resolves when nothing of it is left. */
  end(): Promise<void>;
  /** Resolves with how it ended. */
  readonly ended: Promise<{ exitCode: number | null; signal: string | number | null }>;
  /** Without an agent each call has a connection of its own. */
  call(path: string, options?: { method?: string; json?: unknown; agent?: Agent }): Promise<Answer>;
  /** Values by labels, as the page has them. */
  metric(name: string): Promise<Record<string, number>>;
  /** A line of the log, past or future. */
  logged(message: string | RegExp, count?: number): Promise<LogLine>;
}

/** @param settings as the gateway's environment. @throws {Error} with its log when it does not start */
export async function runGateway(settings: Record<string, string>): Promise<RunningGateway> {
  const lines: LogLine[] = [];
  const clusterCalls: ProviderCall[] = [];
  const onLine = new Set<() => void>();
  const started = Promise.withResolvers<{ port: number; metricsPort: number }>();
  const child = Bun.spawn([process.execPath, PROGRAM], {
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
    ipc: (message: FromGateway) => {
      if (message.kind === 'started') started.resolve(message);
      else clusterCalls.push(message.call);
    },
  });
  const drained = readLines(child.stdout, (line) => {
    lines.push(line);
    for (const listener of onLine) listener();
  });
  const ended = child.exited.then(() => ({ exitCode: child.exitCode, signal: child.signalCode }));
  void Promise.all([ended, drained]).then(() =>
    started.reject(
      new Error(`the gateway did not start: ${lines.map((line) => JSON.stringify(line)).join('\n')}`),
    ),
  );
  const { port, metricsPort } = await started.promise;
  const folders = childrenOf(child.pid).flatMap(folderOf);
  const call: RunningGateway['call'] = (path, { method, json, agent } = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          path,
          method: method ?? (json === undefined ? 'GET' : 'POST'),
          agent: agent ?? new Agent({ keepAlive: false }),
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            body += chunk;
          });
          response.once('error', reject);
          response.once('aborted', () => reject(new Error('the answer broke off')));
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          );
        },
      );
      outgoing.once('error', reject);
      if (json === undefined) {
        outgoing.end();
        return;
      }
      const body = JSON.stringify(json);
      outgoing.setHeader('content-length', Buffer.byteLength(body));
      outgoing.end(body);
    });
  return {
    pid: child.pid,
    port,
    metricsPort,
    clusterCalls,
    lines,
    tell: (message) => child.send(message),
    workers: () => childrenOf(child.pid),
    kill: (signal) => child.kill(signal),
    ended,
    end: async () => {
      const workers = childrenOf(child.pid);
      child.kill('SIGKILL');
      await ended;
      for (const worker of workers.filter(isAlive)) process.kill(worker, 'SIGKILL');
      await until('the end of the workers', async () => !workers.some(isAlive));
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
    call,
    metric: async (name) => {
      const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const samples = [...page.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))];
      return Object.fromEntries(samples.map(([, labels = '', value]) => [labels, Number(value)]));
    },
    logged: (message, count = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = lines.filter((line) =>
            typeof message === 'string' ? line.message === message : message.test(line.message),
          )[count - 1];
          if (found === undefined) return;
          onLine.delete(look);
          resolve(found);
        };
        onLine.add(look);
        look();
      }),
  };
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

async function readLines(from: ReadableStream<Uint8Array>, onLine: (line: LogLine) => void): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of from) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) onLine(JSON.parse(part) as LogLine);
  }
}

/** What the gateway of this worker keeps while it runs: a gateway that was killed does not remove it. */
function folderOf(worker: number): string[] {
  try {
    return readFileSync(`/proc/${worker}/maps`, 'utf8').match(/\/\S*skep-gateway-[^/\s]+/) ?? [];
  } catch {
    return [];
  }
}

/** A process that has ended and was not buried yet is not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}
