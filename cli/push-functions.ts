import type { StackFunction } from '../contract/stack-file.ts';
import { CliError, messageOf } from './errors.ts';
import { imageFor } from './image-tags.ts';
import { runLines } from './run-program.ts';
import { RunningWork } from './running-work.ts';
import type { Shell } from './shell.ts';
import { stoppable } from './stoppable.ts';
import { workThrough } from './workers.ts';

export interface PushSettings {
  readonly parallel: number;
  readonly tag: string;
  readonly quiet: boolean;
}

/**
 * Pushes the images; one that fails does not stop the others, a signal ends all.
 * @throws {CliError} when an image has no `/`, and listing every failed push
 */
export async function pushFunctions(
  shell: Shell,
  functions: readonly StackFunction[],
  settings: PushSettings,
): Promise<void> {
  const wanted = requirePrefixes(functions);
  await stoppable(shell, (shell) => pushAll(shell, wanted, settings));
}

async function pushAll(
  shell: Shell,
  wanted: readonly StackFunction[],
  settings: PushSettings,
): Promise<void> {
  const running = new RunningWork(shell);
  const failures = await workThrough(wanted, {
    parallel: Math.min(settings.parallel, Math.max(1, wanted.length)),
    work: async (fn, worker) => {
      shell.stop?.throwIfAborted();
      const image = await imageFor(shell, fn, settings.tag);
      shell.out(`[${worker}] > Pushing ${fn.name} [${image}]`);
      const args = ['push', image, ...(settings.quiet ? ['--quiet'] : [])];
      const exitCode = await running.during(
        fn.name,
        () => `pushing ${image}`,
        () =>
          runLines('docker', args, shell, (line) => {
            shell.out(shell.paint.foreign(line));
            running.show();
          }),
      );
      if (exitCode !== 0) {
        throw new CliError(
          `${fn.name}: docker push ${image} ended with ${exitCode}; is the registry up, and are you logged in to it (docker login)?`,
        );
      }
      shell.out(`[${worker}] < Pushing ${fn.name} [${image}] done.`);
    },
    onWorkerDone: (worker) => shell.out(`[${worker}] Worker done.`),
  });
  if (failures.length > 0) {
    throw new CliError(
      `Errors received during push:\n${failures.map((error) => `- ${messageOf(error)}`).join('\n')}`,
    );
  }
}

/** Those that are built. @throws {CliError} naming each whose image has no `/` */
export function requirePrefixes(functions: readonly StackFunction[]): readonly StackFunction[] {
  const wanted = functions.filter((fn) => !fn.skipBuild);
  const nameless = wanted.filter((fn) => !fn.image.includes('/'));
  if (nameless.length > 0) {
    throw new CliError(
      [
        'Unable to push one or more of your functions to Docker Hub:',
        ...nameless.map((fn) => `- ${fn.name}: ${fn.image || '(no image)'}`),
        '',
        "You must provide a username or registry prefix to the Function's image such as user1/function1",
      ].join('\n'),
    );
  }
  return wanted;
}
