// Question: what does each template cost: its image, the way from an edit to an image, the first call of a function at rest, and a
// call when it runs? Through the gateway, one replica, the starter's own handler.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker, emptyFolder, skep, succeeded } from '../test/support/cli.ts';
import { openPlatform, type Platform, until } from '../test/support/platform.ts';
import { LANGUAGES } from '../test/templates/languages.ts';
import { type FunctionAtRest, functionAtRest } from './support/function-at-rest.ts';
import { load, median } from './support/load.ts';
import { record } from './support/record.ts';

const FIRST_CALLS = 5;
const SECONDS = 3;
const CLIENTS = 16;

interface Row {
  readonly lang: string;
  readonly imageMb: number;
  readonly ownMb: number;
  readonly rebuildS: number | undefined;
  readonly firstMs: number;
  readonly warmMs: number;
  readonly perSecond: number;
}

export async function run(): Promise<void> {
  const platform = await openPlatform();
  const wanted = process.env['TEMPLATES']?.split(',');
  const rows: Row[] = [];
  for (const { lang, testFile } of LANGUAGES) {
    if (wanted === undefined || wanted.includes(lang)) rows.push(await measure(platform, lang, testFile));
  }
  console.log(table(rows));
}

async function measure(platform: Platform, lang: string, testFile: string | undefined): Promise<Row> {
  const name = `bench-new-${lang}`;
  const folder = emptyFolder();
  try {
    succeeded('new', await skep(folder.path, ['new', name, '--lang', lang]));
    // One replica: those that an alert adds start while it is measured. One that ends serves on for its `healthcheck_interval`.
    succeeded(
      'up',
      await skep(folder.path, ['up', '-e', 'healthcheck_interval=1s', '--label', 'com.openfaas.scale.max=1']),
    );
    const rebuildS =
      testFile === undefined ? undefined : await rebuild(folder.path, join(folder.path, name, testFile));
    const size = await imageSize(`${name}:latest`);
    const atRest = functionAtRest(platform, name);
    const firstMs = await firstCalls(atRest);
    const url = `${platform.url}/function/${name}`;
    await until(`${name} answers`, async () => (await atRest.call()).ok);
    const call = { seconds: SECONDS, body: 'hi', contentType: 'text/plain' };
    const alone = await load(url, { ...call, clients: 1 });
    const crowd = await load(url, { ...call, clients: CLIENTS });
    const row: Row = {
      ...{ lang, ...size, rebuildS, firstMs },
      ...{ warmMs: alone.p50Ms, perSecond: crowd.perSecond },
    };
    record(`template ${lang}, image`, row.imageMb, 'MB');
    record(`template ${lang}, image above the watchdog's layer`, row.ownMb, 'MB');
    if (rebuildS !== undefined) record(`template ${lang}, edit to image`, rebuildS, 's');
    record(`template ${lang}, first call, p50`, firstMs, 'ms');
    record(`template ${lang}, warm call, p50`, row.warmMs, 'ms');
    record(`template ${lang}, ${CLIENTS} clients`, row.perSecond, 'req/s');
    record(`template ${lang}, failures`, alone.failures + crowd.failures, 'requests', '<= 0');
    return row;
  } finally {
    await skep(folder.path, ['remove', name]);
    await docker('rmi', '-f', `${name}:latest`);
    folder.remove();
  }
}

/** Seconds from a saved edit to an image: its test runs again, nothing is fetched. */
async function rebuild(folder: string, testFile: string): Promise<number> {
  const text = readFileSync(testFile, 'utf8');
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    // As many empty lines as no run before had, for else the image were there already.
    writeFileSync(testFile, `${text}${'\n'.repeat(1 + Math.floor(Math.random() * 50_000))}`);
    const began = performance.now();
    succeeded('build', await skep(folder, ['build']));
    times.push((performance.now() - began) / 1000);
  }
  return median(times);
}

/** Of the whole image, and of what lies above the watchdog's layer, which functions share. */
async function imageSize(image: string): Promise<{ imageMb: number; ownMb: number }> {
  const format = '{{.Size}}\t{{.CreatedBy}}';
  const history = succeeded(
    'history',
    await docker('history', '--no-trunc', '--human=false', '--format', format, image),
  );
  const layers = history.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ bytes: Number(line.split('\t')[0]), isWatchdog: line.includes('/usr/bin/fwatchdog') }));
  const above = layers.slice(
    0,
    layers.findIndex(({ isWatchdog }) => isWatchdog),
  );
  const sum = (list: typeof layers): number => list.reduce((total, { bytes }) => total + bytes, 0) / 1e6;
  return { imageMb: sum(layers), ownMb: sum(above) };
}

async function firstCalls(atRest: FunctionAtRest): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < FIRST_CALLS; round++) {
    await atRest.toZero();
    const { ok, ms } = await atRest.call();
    if (!ok) throw new Error('a first call failed');
    times.push(ms);
  }
  return median(times);
}

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.lang,
    `${row.imageMb.toFixed(0)} MB`,
    `${row.ownMb.toFixed(1)} MB`,
    row.rebuildS === undefined ? '' : `${row.rebuildS.toFixed(1)} s`,
    `${row.firstMs.toFixed(0)} ms`,
    `${row.warmMs.toFixed(2)} ms`,
    `${row.perSecond.toFixed(0)}/s`,
  ]);
  const head = [
    'template',
    'image',
    'its own',
    'edit to image',
    'first call',
    'warm call, p50',
    `${CLIENTS} clients`,
  ];
  const line = (words: readonly string[]): string => `| ${words.join(' | ')} |`;
  return ['', line(head), line(head.map(() => '---')), ...cells.map(line), ''].join('\n');
}
