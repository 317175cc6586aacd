// Questions: does the function API stay quick when a cluster holds many functions? What does following it cost the gateway?

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionStatus } from '../contract/function-types.ts';
import { openPlatform, type Platform, until } from '../test/support/platform.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const FEW = 10;
const MANY = 500;
const REPLICAS = 100;
const AT_ONCE = 4;
const TIMES = 20;
const CPU_SECONDS = 20;
const PREFIX = 'bench-api-';
/** Of /proc/PID/stat: USER_HZ, which Linux has fixed at 100. */
const TICKS_A_SECOND = 100;

export async function run(): Promise<void> {
  const platform = await openPlatform();
  const image = await platform.exampleImage();
  const names = Array.from({ length: MANY }, (_, index) => `${PREFIX}${index}`);
  const asleep = (service: string) => ({ service, image, labels: { 'com.openfaas.scale.min': '0' } });
  const deploy = (service: string): Promise<void> => write(platform, 'POST', asleep(service));
  await removeAll(platform);
  try {
    await inParallel(names.slice(0, FEW), deploy);
    const withFew = await deployTimes(platform, asleep);
    await inParallel(names.slice(FEW), deploy);
    const withMany = await deployTimes(platform, asleep);

    const list = await times(async () => {
      const listed = (await (await platform.request('/system/functions')).json()) as unknown[];
      if (listed.length < MANY) throw new Error(`the list has ${listed.length} of ${MANY} functions`);
    });
    const read = await times(async () => {
      const { status } = await platform.request(`/system/function/${PREFIX}7`);
      if (status !== 200) throw new Error(`a single read answered ${status}`);
    });
    record(`GET /system/functions, ${MANY} functions, p50`, median(list), 'ms', '<= 150');
    record(`GET /system/function/:name, ${MANY} functions, p50`, median(read), 'ms', '<= 30');
    const what = `with ${MANY} functions / with ${FEW}, p50`;
    record(
      `POST /system/functions, ${what}`,
      median(withMany.create) / median(withFew.create),
      'ratio',
      '<= 1.2',
    );
    record(
      `PUT /system/functions, ${what}`,
      median(withMany.update) / median(withFew.update),
      'ratio',
      '<= 1.2',
    );
    record(`POST /system/functions, ${MANY} functions, p50`, median(withMany.create), 'ms');

    record(`following ${MANY} functions at rest`, await cpuShare(platform), '% of a core', '<= 5');
    await scale(platform, `${PREFIX}7`, REPLICAS);
    await until(
      `${REPLICAS} replicas run`,
      async () => (await readOne(platform, `${PREFIX}7`)).availableReplicas === REPLICAS,
      300_000,
    );
    const share = await cpuShare(platform);
    record(`following ${MANY} functions with ${REPLICAS} replicas`, share, '% of a core', '<= 5');
  } finally {
    await removeAll(platform);
  }
}

/** Milliseconds of creating and of updating a function, one after the other. */
async function deployTimes(platform: Platform, body: (service: string) => object) {
  const extra = Array.from({ length: TIMES }, (_, index) => `${PREFIX}extra-${index}`);
  const create = await times((index) => write(platform, 'POST', body(extra[index] ?? '')));
  const update = await times((index) =>
    write(platform, 'PUT', { ...body(extra[index] ?? ''), envVars: { again: 'yes' } }),
  );
  await inParallel(extra, (name) => remove(platform, name));
  return { create, update };
}

async function times(work: (index: number) => Promise<void>): Promise<number[]> {
  const found: number[] = [];
  for (let index = 0; index < TIMES; index++) {
    const begin = process.hrtime.bigint();
    await work(index);
    found.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  return found;
}

/** What the gateway's process uses of one core while nobody calls it, in percent. Waits until the cluster is at rest. */
async function cpuShare({ url }: Platform): Promise<number> {
  const pid = gatewayPid(new URL(url).port);
  const ticks = (): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  await sleep(5000);
  const before = ticks();
  const begin = performance.now();
  await sleep(CPU_SECONDS * 1000);
  return ((ticks() - before) / TICKS_A_SECOND / ((performance.now() - begin) / 1000)) * 100;
}

function gatewayPid(port: string): number {
  const docker = (...words: string[]): string =>
    Bun.spawnSync(['docker', ...words])
      .stdout.toString()
      .trim();
  const container = docker('ps', '--quiet', '--filter', `publish=${port}`);
  const pid = Number(docker('inspect', '--format', '{{.State.Pid}}', container));
  if (!(pid > 0))
    throw new Error(`no container publishes port ${port}: this bench needs the gateway's process`);
  return pid;
}

async function write(platform: Platform, method: 'POST' | 'PUT', deployment: object): Promise<void> {
  await accepted(platform, '/system/functions', { method, json: deployment });
}

async function scale(platform: Platform, serviceName: string, replicas: number): Promise<void> {
  const json = { serviceName, replicas };
  await accepted(platform, `/system/scale-function/${serviceName}`, { method: 'POST', json });
}

async function accepted(
  platform: Platform,
  path: string,
  init: { method: string; json: object },
): Promise<void> {
  const response = await platform.request(path, init);
  if (response.status !== 202) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

async function readOne(platform: Platform, name: string): Promise<FunctionStatus> {
  return (await (await platform.request(`/system/function/${name}`)).json()) as FunctionStatus;
}

async function remove(platform: Platform, functionName: string): Promise<void> {
  await platform.request('/system/functions', { method: 'DELETE', json: { functionName } });
}

async function removeAll(platform: Platform): Promise<void> {
  const left = async (): Promise<string[]> => {
    const listed = (await (await platform.request('/system/functions')).json()) as FunctionStatus[];
    return listed.map(({ name }) => name).filter((name) => name.startsWith(PREFIX));
  };
  await inParallel(await left(), (name) => remove(platform, name));
  await until('the functions removed', async () => (await left()).length === 0);
}

async function inParallel(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const queue = [...names];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) await work(name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
