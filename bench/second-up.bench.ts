// Question: what does a second `skep up` of a function that has not changed take, beyond what the engine itself takes for its build?
import { join } from 'node:path';
import { docker, emptyFolder, run as runProgram, skep, succeeded } from '../test/support/cli.ts';
import { openPlatform } from '../test/support/platform.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const NAME = 'bench-second-up';
const ROUNDS = 5;

export async function run(): Promise<void> {
  await openPlatform();
  const folder = emptyFolder();
  try {
    succeeded('new', await skep(folder.path, ['new', NAME, '--lang', 'node']));
    succeeded('up', await skep(folder.path, ['up']));
    const context = join(folder.path, 'build', NAME);
    const build = ['build', '--build-arg', 'ADDITIONAL_PACKAGE=', '--tag', `${NAME}:latest`, '.'];
    const whole: number[] = [];
    const engine: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      whole.push(await seconds(async () => succeeded('up', await skep(folder.path, ['up']))));
      engine.push(
        await seconds(async () =>
          succeeded('docker build', await runProgram('docker', build, { folder: context, stdin: '' })),
        ),
      );
    }
    record('second skep up, p50', median(whole), 's');
    record('second skep up, the engine’s part: docker build, p50', median(engine), 's');
    record('second skep up, beyond the engine, p50', median(whole) - median(engine), 's', '<= 5');
    record('second skep up, slowest', Math.max(...whole), 's');
  } finally {
    await skep(folder.path, ['remove', NAME]);
    await docker('rmi', '-f', `${NAME}:latest`);
    folder.remove();
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
