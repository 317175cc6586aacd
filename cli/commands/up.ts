import type { Command } from 'commander';
import type { StackFunction } from '../../contract/stack-file.ts';
import { namesRegistry } from '../../contract/tagged-image.ts';
import {
  addBuildFlags,
  type BuildFlags,
  buildSettings,
  functionsToBuild,
  withRemote,
} from '../build/build-flags.ts';
import { buildFunctions } from '../build/build-functions.ts';
import { addDeployFlags, type DeployFlags, deployMode, deployWithFlags } from '../deploy/deploy-flags.ts';
import { switchFlag } from '../flags.ts';
import { pushFunctions } from '../push-functions.ts';
import type { Shell } from '../shell.ts';

interface UpFlags extends BuildFlags, DeployFlags {
  readonly skipPush: boolean;
  readonly skipDeploy: boolean;
}

export function define(command: Command, shell: Shell): void {
  addBuildFlags(command);
  addDeployFlags(command);
  switchFlag(command, '--skip-push', 'do not push');
  switchFlag(command, '--skip-deploy', 'do not deploy');
  command.addHelpText(
    'after',
    `
An image is pushed when its first part names a registry: it holds a "." or a ":", or is "localhost".

Examples:
  skep up
  skep up -f stack.yaml --filter hello --tag sha
  skep up --skip-push`,
  );
  command.action(async () => {
    const flags = command.opts<UpFlags>();
    deployMode(flags); // a contradiction is told before the build, not after it
    const { stack, functions } = await functionsToBuild(shell, flags);
    const { skipPush } = flags;
    const settings = await withRemote(shell, flags, {
      settings: buildSettings(flags, stack),
      stack,
      skipPush,
    });
    await buildFunctions(shell, functions, settings);
    if (settings.shrinkwrap) return;
    // The gateway that built an image has pushed it, too.
    if (!skipPush && !settings.remote) await pushNamed(shell, functions, settings);
    if (!flags.skipDeploy) await deployWithFlags(shell, flags, stack);
  });
}

async function pushNamed(
  shell: Shell,
  functions: readonly StackFunction[],
  settings: { readonly parallel: number; readonly tag: string; readonly quiet: boolean },
): Promise<void> {
  const named = functions.filter((fn) => namesRegistry(fn.image));
  for (const fn of functions) {
    if (!fn.skipBuild && !named.includes(fn)) {
      shell.out(`Not pushing ${fn.name} [${fn.image}]: its image names no registry.`);
    }
  }
  shell.out('');
  if (named.length > 0) await pushFunctions(shell, named, settings);
}
