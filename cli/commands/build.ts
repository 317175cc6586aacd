import type { Command } from 'commander';
import { addBuildFlags, type BuildFlags, buildSettings, functionsToBuild } from '../build/build-flags.ts';
import { buildFunctions } from '../build/build-functions.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  addBuildFlags(command);
  command.addHelpText(
    'after',
    `
Examples:
  skep build
  skep build -f stack.yaml --filter "api-*" --parallel 4 --tag sha
  skep build --image hello --lang node --handler ./hello --name hello`,
  );
  command.action(async () => {
    const flags = command.opts<BuildFlags>();
    const { stack, functions } = await functionsToBuild(shell, flags);
    await buildFunctions(shell, functions, buildSettings(flags, stack));
  });
}
