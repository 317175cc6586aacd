// Question: how long does the first call of a function at rest take, from request to answer, image on the node? At rest: no
// replica, and none still stopping, for which Swarm would wait before it starts another.

import { docker } from '../test/support/cli.ts';
import { openPlatform, until } from '../test/support/platform.ts';
import { functionAtRest } from './support/function-at-rest.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const NAME = 'bench-cold-start';
const ROUNDS = 20;
const CROWD = 50;

export async function run(): Promise<void> {
  const platform = await openPlatform();
  const created = await platform.request('/system/functions', {
    method: 'POST',
    // The watchdog's grace before it drains is the wait between rounds: keep it short.
    json: { service: NAME, image: await platform.exampleImage(), envVars: { healthcheck_interval: '1s' } },
  });
  if (created.status !== 202)
    throw new Error(`${NAME} was not deployed: ${created.status} ${await created.text()}`);
  try {
    const { call, toZero } = functionAtRest(platform, NAME);
    await until('the first replica', async () => (await call()).ok);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await toZero();
      times.push((await call()).ms);
    }
    const sorted = [...times].sort((a, b) => a - b);
    record('cold start, p50', median(times), 'ms', '<= 1000');
    record('cold start, p95', sorted[Math.ceil(ROUNDS * 0.95) - 1] ?? Number.NaN, 'ms', '<= 1500');
    record('cold start, slowest', sorted.at(-1) ?? Number.NaN, 'ms');

    await toZero();
    const since = Date.now();
    const crowd = await Promise.all(Array.from({ length: CROWD }, () => call()));
    record(
      `cold start, failures of ${CROWD} callers at once`,
      crowd.filter(({ ok }) => !ok).length,
      'requests',
      '<= 0',
    );
    record(`cold start, scale calls for ${CROWD} callers`, await scaleCalls(since), 'calls', '<= 1');
  } finally {
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: NAME } });
  }
}

/** Changes of the number of replicas since then, as the engine tells. @throws {Error} when there was none: the first replica cannot have come by itself */
async function scaleCalls(sinceMs: number): Promise<number> {
  const { stdout } = await docker(
    ...['events', '--since', String(sinceMs / 1000), '--until', String(Date.now() / 1000)],
    ...['--filter', 'type=service', '--filter', 'event=update', '--format', '{{json .Actor.Attributes}}'],
  );
  const changes = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, string>);
  const scalings = changes.filter((change) => change['name'] === NAME && 'replicas.new' in change);
  if (scalings.length === 0) throw new Error('the engine tells of no scaling');
  return scalings.length;
}
