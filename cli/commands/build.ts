import type { Command } from 'commander';
import {
  addBuildFlags,
  type BuildFlags,
  buildSettings,
  functionsToBuild,
  withRemote,
} from '../build/build-flags.ts';
import { buildFunctions } from '../build/build-functions.ts';
import { addGatewayFlags, type GatewayFlags } from '../flags.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  addBuildFlags(command);
  addGatewayFlags(command);
  command.addHelpText(
    'after',
    `
Examples:
  skep build
  skep build -f stack.yaml --filter "api-*" --parallel 4 --tag sha
  skep build --image hello --lang node --handler ./hello --name hello
  skep build --remote`,
  );
  command.action(async () => {
    const flags = command.opts<BuildFlags & GatewayFlags>();
    const { stack, functions } = await functionsToBuild(shell, flags);
    const settings = buildSettings(flags, stack);
    await buildFunctions(
      shell,
      functions,
      await withRemote(shell, flags, { settings, stack, skipPush: true }),
    );
  });
}
