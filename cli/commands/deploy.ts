import type { Command } from 'commander';
import { addDeployFlags, type DeployFlags, deployWithFlags } from '../deploy/deploy-flags.ts';
import { addSingleFunctionFlags, addStackFlags, addTagFlag } from '../flags.ts';
import { requireFunctions } from '../functions-of.ts';
import { loadStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { requireSound } from '../stack-check/require-sound.ts';

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addTagFlag(command);
  addSingleFunctionFlags(command);
  addDeployFlags(command);
  command.addHelpText(
    'after',
    `
Examples:
  skep deploy
  skep deploy -f stack.yaml --filter "api-*" -e LOG=debug
  skep deploy --image registry.example/hello:1.0 --name hello
  skep deploy --update=false --replace`,
  );
  command.action(async () => {
    const flags = command.opts<DeployFlags>();
    const stack = await loadStack(shell, flags);
    if (stack) {
      requireFunctions(stack);
      await requireSound(shell, stack, { sources: false });
    }
    if (stack && (flags.image || flags.name)) {
      shell.note('Warning: a stack file was found and is deployed: --image and --name are not looked at.');
    }
    await deployWithFlags(shell, flags, stack);
  });
}
