// Question: what does a process that was there before its request save? Candidates: the templates' starter handlers, forked,
// pre-forked and (Python, Ruby) forked by a zygote, under the same watchdog in one run, at a steady 8 calls a second and under load.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alternate, load, median } from './support/load.ts';
import type { Started } from './support/processes.ts';
import { record } from './support/record.ts';
import { FWATCHDOG, startWatchdog } from './support/watchdog.ts';

const TEMPLATES = new URL('../templates/', import.meta.url).pathname;
const CALLS_PER_SECOND = 8;
const CALLS = 24;
const ROUNDS = 3;
const LOAD_SECONDS = 3;

type Way = 'forked' | 'pre-forked' | 'zygote';
const ENV: Readonly<Record<Way, Readonly<Record<string, string>>>> = {
  forked: {},
  'pre-forked': { prefork: '2' },
  zygote: { mode: 'zygote', prefork: '2' },
};

export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  cpSync(TEMPLATES, folder, { recursive: true });
  try {
    const node = realProgram('node', ['-p', 'process.execPath']);
    await compare('Node', join(folder, 'node'), `${node} index.js`, ['forked', 'pre-forked']);
    const python = realProgram('python3', ['-c', 'import sys; print(sys.executable)']);
    const ways: readonly Way[] = ['forked', 'pre-forked', 'zygote'];
    await compare('Python', join(folder, 'python'), `${python} index.py`, ways);
    // No budgets: these start in a fraction of Node's time, so there is less to save.
    const ruby = realProgram('ruby', ['-e', 'print RbConfig.ruby']);
    await compare('Ruby', join(folder, 'ruby'), `${ruby} index.rb`, ways, false);
    const php = realProgram('php', ['-r', 'echo PHP_BINARY;']);
    await compare('PHP', join(folder, 'php'), `${php} index.php`, ['forked', 'pre-forked'], false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(
  language: string,
  cwd: string,
  fprocess: string,
  ways: readonly Way[],
  isHeld = true,
): Promise<void> {
  const budget = (text: string): string | undefined => (isHeld ? text : undefined);
  const watchdogs = new Map<Way, Started>();
  try {
    for (const way of ways) {
      const env = { cgi_response: 'true', combine_output: 'false', ...ENV[way] };
      watchdogs.set(way, await startWatchdog(FWATCHDOG, { fprocess, cwd, env }));
    }
    await Bun.sleep(1000); // the pools fill
    for (const [way, { pid }] of watchdogs)
      record(`${language}, ${way}: resident memory of the processes at rest`, restingMegabytes(pid), 'MB');
    const steady = new Map<Way, { p50: number; p99: number }[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < ROUNDS; round++)
      for (const [way, { url }] of watchdogs) steady.get(way)?.push(await pace(url));
    const p50 = (way: Way): number => median((steady.get(way) ?? []).map((found) => found.p50));
    const at = `${CALLS_PER_SECOND} calls/s`;
    for (const way of ways) {
      record(`${language}, ${way}, p50, ${at}`, p50(way), 'ms');
      record(`${language}, ${way}, p99, ${at}`, median((steady.get(way) ?? []).map(({ p99 }) => p99)), 'ms');
    }
    record(
      `${language}, forked p50 / pre-forked p50, ${at}`,
      p50('forked') / p50('pre-forked'),
      'ratio',
      budget('>= 5'),
    );
    if (ways.includes('zygote'))
      record(
        `${language}, forked p50 / zygote p50, ${at}`,
        p50('forked') / p50('zygote'),
        'ratio',
        budget('>= 8'),
      );

    const options = { clients: 16, seconds: LOAD_SECONDS };
    const candidates = Object.fromEntries(
      [...watchdogs].map(([way, { url }]) => [way, () => load(url, options)]),
    ) as Record<Way, () => ReturnType<typeof load>>;
    const results = await alternate(ROUNDS, candidates);
    for (const way of ways) {
      record(`${language}, ${way}, 16 clients`, results[way].perSecond, 'req/s');
      record(`${language}, ${way}, failures, 16 clients`, results[way].failures, 'requests', '<= 0');
    }
    const ratio = (way: Way): number => results[way].perSecond / results.forked.perSecond;
    record(`${language}, pre-forked / forked, 16 clients`, ratio('pre-forked'), 'ratio');
    if (ways.includes('zygote'))
      record(`${language}, zygote / forked, 16 clients`, ratio('zygote'), 'ratio', budget('>= 5'));
  } finally {
    for (const watchdog of watchdogs.values()) await watchdog.stop();
  }
}

/** Calls at a steady rate, each when it is due whether or not the one before has been answered. */
async function pace(url: string): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  const calls: Promise<void>[] = [];
  const begin = performance.now();
  for (let i = 0; i < CALLS; i++) {
    await Bun.sleep(Math.max(0, begin + (i * 1000) / CALLS_PER_SECOND - performance.now()));
    calls.push(call(url).then((ms) => void times.push(ms)));
  }
  await Promise.all(calls);
  times.sort((a, b) => a - b);
  return { p50: median(times), p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN };
}

async function call(url: string): Promise<number> {
  const sentAt = performance.now();
  const init = { method: 'POST', body: 'hello', headers: { 'Content-Type': 'text/plain' } };
  const response = await fetch(url, init);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return performance.now() - sentAt;
}

/** Proportional set size of everything that a watchdog started, not its own. */
function restingMegabytes(pid: number): number {
  const rollup = (of: number): number =>
    Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${of}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  return descendantsOf(pid).reduce((sum, child) => sum + rollup(child), 0) / 1024;
}

function descendantsOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const children = text === '' ? [] : text.split(' ').map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** `bun --bun` puts a `node` in front that is none, and version managers shims that need more of an environment. */
function realProgram(program: string, args: readonly string[]): string {
  const path = (process.env['PATH'] ?? '').split(':').filter((part) => !part.includes('bun-node'));
  const env = { ...process.env, PATH: path.join(':') };
  return execFileSync(program, args, { encoding: 'utf8', env }).trim();
}
