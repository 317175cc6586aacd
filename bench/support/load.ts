import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface LoadOptions {
  readonly clients: number;
  readonly seconds: number;
  /** Sent by POST when given. */
  readonly body?: string;
  /** Of the body; default `application/octet-stream`. */
  readonly contentType?: string;
  /** Loads from within the network of this process. */
  readonly networkOfPid?: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly failures: number;
}

/** Loads one URL on this machine with wrk. @throws {Error} when wrk is missing or says nothing we can read */
export async function load(
  url: string,
  { clients, seconds, body, contentType = 'application/octet-stream', networkOfPid }: LoadOptions,
): Promise<LoadResult> {
  const wrk = ['--latency', '-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '10s', url];
  if (body !== undefined) wrk.unshift('-s', new URL('./post.lua', import.meta.url).pathname);
  try {
    const [command = '', ...args] = insideNetwork(networkOfPid, ['wrk', ...wrk]);
    const { stdout } = await run(command, args, {
      env: { ...process.env, BENCH_BODY: body ?? '', BENCH_CONTENT_TYPE: contentType },
    });
    return parseWrk(stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error('wrk is not installed: apt-get install wrk', { cause: error });
    }
    throw error;
  }
}

/** A command line that runs within the network of another process. */
export function insideNetwork(pid: number | undefined, command: readonly string[]): string[] {
  return pid === undefined
    ? [...command]
    : ['nsenter', '--net', '--mount', '--target', String(pid), ...command];
}

/** @param text what `wrk --latency` prints */
function parseWrk(text: string): LoadResult {
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  const badStatus = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const broken = (socket?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0);
  if (!Number.isFinite(perSecond)) throw new Error(`wrk printed no rate:\n${text}`);
  return {
    perSecond,
    p50Ms: percentile(text, 50),
    p99Ms: percentile(text, 99),
    failures: badStatus + broken,
  };
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function percentile(text: string, rank: number): number {
  const [, amount, unit] = new RegExp(`^\\s+${rank}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(text) ?? [];
  return Number(amount) * (MS_PER_UNIT[unit ?? ''] ?? Number.NaN);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('the median of nothing');
  return middle;
}

/** Runs the candidates in turn, `rounds` times, so that a slow moment of the machine meets all of them. */
export async function alternate<K extends string>(
  rounds: number,
  candidates: Readonly<Record<K, () => Promise<LoadResult>>>,
): Promise<Record<K, LoadResult>> {
  const names = Object.keys(candidates) as K[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, LoadResult[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await candidates[name]());
  }
  return Object.fromEntries(
    names.map((name) => {
      const runs = results[name];
      return [
        name,
        {
          perSecond: median(runs.map((run) => run.perSecond)),
          p50Ms: median(runs.map((run) => run.p50Ms)),
          p99Ms: median(runs.map((run) => run.p99Ms)),
          failures: runs.reduce((sum, run) => sum + run.failures, 0),
        },
      ];
    }),
  ) as Record<K, LoadResult>;
}
