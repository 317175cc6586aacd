// Question: does the list stay quick when a cluster holds many functions?

import { openPlatform, until } from '../test/support/platform.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const FUNCTIONS = 500;
const AT_ONCE = 4;
const READS = 20;

export async function run(): Promise<void> {
  const platform = await openPlatform();
  const image = await platform.exampleImage();
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `bench-list-${index}`);
  try {
    await inParallel(names, async (service) => {
      const labels = { 'com.openfaas.scale.min': '0' };
      const { status } = await platform.request('/system/functions', {
        method: 'POST',
        json: { service, image, labels },
      });
      if (status !== 202) throw new Error(`${service} was not deployed: ${status}`);
    });
    const times: number[] = [];
    for (let read = 0; read < READS; read++) {
      const begin = process.hrtime.bigint();
      const listed = (await (await platform.request('/system/functions')).json()) as unknown[];
      times.push(Number(process.hrtime.bigint() - begin) / 1e6);
      if (listed.length < FUNCTIONS)
        throw new Error(`the list has ${listed.length} of ${FUNCTIONS} functions`);
    }
    record(`GET /system/functions, ${FUNCTIONS} functions, p50`, median(times), 'ms', '<= 150');
  } finally {
    await inParallel(names, async (functionName) => {
      await platform.request('/system/functions', { method: 'DELETE', json: { functionName } });
    });
    await until('the functions removed', async () => {
      const left = (await (await platform.request('/system/functions')).json()) as { name: string }[];
      return !left.some(({ name }) => name.startsWith('bench-list-'));
    });
  }
}

async function inParallel(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const queue = [...names];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) await work(name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
