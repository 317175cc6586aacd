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
import { DEFAULT_PLATFORMS, publishFunctions } from '../build/publish-functions.ts';
import { addDeployFlags, type DeployFlags, deployMode, deployWithFlags } from '../deploy/deploy-flags.ts';
import { CliError } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { pushFunctions } from '../push-functions.ts';
import type { Shell } from '../shell.ts';

interface UpFlags extends BuildFlags, DeployFlags {
  readonly skipPush: boolean;
  readonly skipDeploy: boolean;
  readonly watch: boolean;
  readonly publish: boolean;
  readonly platforms?: string;
}

export function define(command: Command, shell: Shell): void {
  addBuildFlags(command);
  addDeployFlags(command);
  switchFlag(command, '--skip-push', 'do not push');
  switchFlag(command, '--skip-deploy', 'do not deploy');
  switchFlag(command, '--publish', 'as "skep publish" does it, in place of build and push');
  command.option('--platforms <list>', `with --publish: platforms (default: ${DEFAULT_PLATFORMS})`);
  switchFlag(command, '--watch', 'then build and deploy each function anew whose files change, until Ctrl-C');
  command.addHelpText(
    'after',
    `
An image is pushed when its first part names a registry: it holds a "." or a ":", or is "localhost".

Examples:
  skep up
  skep up -f stack.yaml --filter hello --tag sha
  skep up --skip-push
  skep up --publish --platforms linux/amd64,linux/arm64
  skep up --watch`,
  );
  command.action(async () => {
    const flags = command.opts<UpFlags>();
    deployMode(flags); // a contradiction is told before the build, not after it
    if (flags.platforms !== undefined && !flags.publish)
      throw new CliError('--platforms is for images that --publish makes: give both, or neither');
    if (flags.watch && flags.shrinkwrap) throw new CliError('--watch and --shrinkwrap exclude each other');
    const plan = await functionsToBuild(shell, flags);
    if (!flags.watch) {
      await up(shell, flags, plan);
      return;
    }
    await watch(shell, flags, plan);
  });
}

type Plan = Awaited<ReturnType<typeof functionsToBuild>>;

async function up(shell: Shell, flags: UpFlags, plan: Plan): Promise<void> {
  const { stack } = plan;
  if (flags.publish) {
    const platforms = flags.platforms ?? DEFAULT_PLATFORMS;
    await publishFunctions(shell, { ...flags, platforms, extraTag: [], resetQemu: false }, plan);
  } else {
    await buildAndPush(shell, flags, plan);
  }
  shell.stop?.throwIfAborted();
  if (!flags.shrinkwrap && !flags.skipDeploy) await deployWithFlags(shell, flags, stack);
}

async function buildAndPush(shell: Shell, flags: UpFlags, { stack, functions }: Plan): Promise<void> {
  const { skipPush } = flags;
  const settings = await withRemote(shell, flags, {
    settings: buildSettings(flags, stack),
    stack,
    skipPush,
  });
  await buildFunctions(shell, functions, settings);
  shell.stop?.throwIfAborted();
  // Who built an image elsewhere has pushed it, too.
  if (!settings.shrinkwrap && !skipPush && !settings.remote) await pushNamed(shell, functions, settings);
}

/** Builds and deploys; until a signal ends it what has changed since is built and deployed anew. */
async function watch(shell: Shell, flags: UpFlags, plan: Plan): Promise<void> {
  let { stack, functions } = plan;
  const sources = () => ({
    cwd: shell.cwd,
    functions: functions.filter(({ skipBuild }) => !skipBuild),
    stackFile: stack?.fileName,
    copy: buildSettings(flags, stack).copy,
  });
  const { repeatOnChange } = await import('../watch/repeat-on-change.ts');
  await repeatOnChange(shell, {
    sources: sources(),
    first: (shell) => up(shell, flags, plan),
    again: async (changed, { shell, watch }) => {
      if (changed === 'all') {
        ({ stack, functions } = await functionsToBuild(shell, flags));
        await watch(sources());
      }
      const chosen = functions.filter(({ name }) => changed === 'all' || changed.includes(name));
      await up(shell, flags, { stack: stack && { ...stack, functions: chosen }, functions: chosen });
    },
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
