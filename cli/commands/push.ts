import type { Command } from 'commander';
import { addStackFlags, addTagFlag, parseNumberFlag, type StackFlags, switchFlag } from '../flags.ts';
import { requireFunctions } from '../functions-of.ts';
import { requireStack } from '../load-stack.ts';
import { pushFunctions } from '../push-functions.ts';
import type { Shell } from '../shell.ts';

interface PushFlags extends StackFlags {
  readonly parallel: string;
  readonly tag: string;
  readonly quiet: boolean;
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addTagFlag(command);
  command.option('--parallel <n>', 'pushes at the same time', '1');
  switchFlag(command, '--quiet', 'less output from Docker');
  command.addHelpText('after', '\nExamples:\n  skep push\n  skep push -f stack.yaml --parallel 4 --tag sha');
  command.action(async () => {
    const flags = command.opts<PushFlags>();
    const parallel = parseNumberFlag(flags.parallel, { flag: '--parallel', min: 1 });
    const stack = await requireStack(shell, flags, 'or run "skep new" to make one');
    await pushFunctions(shell, requireFunctions(stack), { ...flags, parallel });
  });
}
