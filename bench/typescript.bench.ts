// Question: what does a TypeScript function cost at one process per request? Baseline: the Node template's handler, forked by
// OpenFaaS's classic watchdog, same run; without that peer, the same handler under our own watchdog.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alternate, load } from './support/load.ts';
import { record, recordMissing } from './support/record.ts';
import { FWATCHDOG, startWatchdog } from './support/watchdog.ts';

const TEMPLATES = new URL('../templates/', import.meta.url).pathname;
const SECONDS = 4;
const ROUNDS = 3;
const BUDGET = '>= 8';

export async function run(): Promise<void> {
  const peer = process.env['PEER_CLASSIC_WATCHDOG'];
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  cpSync(TEMPLATES, folder, { recursive: true });
  const typescript = join(folder, 'typescript');
  // As the template's Dockerfile builds it.
  const bundle = [
    'build',
    '--target=bun',
    '--define',
    'process.stdout=process.stderr',
    '--outfile=index.js',
    'index.ts',
  ];
  execFileSync(FWATCHDOG, bundle, {
    cwd: typescript,
    env: { ...process.env, BUN_BE_BUN: '1' },
    stdio: 'pipe',
  });
  const cgi = { cgi_response: 'true', combine_output: 'false' };
  const ours = await startWatchdog(FWATCHDOG, { fprocess: 'bun index.js', cwd: typescript, env: cgi });
  const node = await startWatchdog(peer ?? FWATCHDOG, {
    fprocess: `${realNode()} index.js`,
    cwd: join(folder, 'node'),
    env: cgi,
  });
  try {
    for (const clients of [1, 8]) {
      const options = { clients, seconds: SECONDS, body: 'hello' };
      const results = await alternate(ROUNDS, {
        ours: () => load(ours.url, options),
        node: () => load(node.url, options),
      });
      const at = `${clients} client${clients === 1 ? '' : 's'}`;
      record(`TypeScript per request, ${at}`, results.ours.perSecond, 'req/s');
      record(`TypeScript per request, p99, ${at}`, results.ours.p99Ms, 'ms');
      record(`TypeScript per request, failures, ${at}`, results.ours.failures, 'requests', '<= 0');
      const ratio = results.ours.perSecond / results.node.perSecond;
      const name = `TypeScript / Node handler forked by classic-watchdog, ${at}`;
      if (peer === undefined) {
        recordMissing(name, 'ratio', BUDGET, 'no peer given');
        record(`TypeScript / Node handler forked by our watchdog, ${at}`, ratio, 'ratio');
      } else record(name, ratio, 'ratio', BUDGET);
    }
  } finally {
    await ours.stop();
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `bun --bun` and the like put a `node` in front that is none. */
function realNode(): string {
  const path = (process.env['PATH'] ?? '').split(':').filter((part) => !part.includes('bun-node'));
  const ask = ['-p', 'process.execPath'];
  return execFileSync('node', ask, {
    encoding: 'utf8',
    env: { ...process.env, PATH: path.join(':') },
  }).trim();
}
