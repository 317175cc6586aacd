import type { StackFile, StackFunction } from '../../contract/stack-file.ts';
import { CliError } from '../errors.ts';
import type { GatewayFlags } from '../flags.ts';
import { requirePrefixes } from '../push-functions.ts';
import type { Shell } from '../shell.ts';
import { stoppable } from '../stoppable.ts';
import { type BuildFlags, buildSettings, withRemote } from './build-flags.ts';
import { buildFunctions } from './build-functions.ts';
import { checkPublish, prepareBuilder } from './publish.ts';
import { makeWatchdogLayout, watchdogPlatform } from './watchdog-layout.ts';

export interface PublishFlags extends BuildFlags, GatewayFlags {
  readonly platforms: string;
  readonly extraTag: readonly string[];
  readonly resetQemu: boolean;
}

export const DEFAULT_PLATFORMS = 'linux/amd64';

/**
 * Builds the images right into their registry: with buildx here, or by a builder elsewhere.
 * @throws {CliError} before anything is built, for what buildx would refuse
 */
export async function publishFunctions(
  shell: Shell,
  flags: PublishFlags,
  { stack, functions }: { stack: StackFile | undefined; functions: readonly StackFunction[] },
): Promise<void> {
  const publish = { platforms: flags.platforms, extraTags: flags.extraTag };
  checkPublish(publish);
  const settings = await withRemote(shell, flags, {
    settings: buildSettings(flags, stack),
    stack,
    skipPush: false,
    publish,
  });
  if (!settings.shrinkwrap) requirePrefixes(functions);
  if (settings.squash) throw new CliError('--squash is of "skep build": buildx has no such flag');
  if (settings.remote || settings.shrinkwrap) {
    await buildFunctions(shell, functions, settings);
    return;
  }
  await stoppable(shell, async (shell) => {
    const builder = await prepareBuilder(shell, flags);
    let layout: ReturnType<typeof makeWatchdogLayout> | undefined;
    const watchdog = async (platforms: string): Promise<string | undefined> => {
      // It has that image, and one of version 20.10 takes no such context.
      if (builder.isEngine && (await watchdogPlatform(shell)) === platforms) return undefined;
      layout ??= makeWatchdogLayout(shell);
      return (await layout)?.contextFor(platforms);
    };
    try {
      await buildFunctions(shell, functions, { ...settings, publish: { ...publish, builder, watchdog } });
    } finally {
      const made = await layout?.catch(() => undefined); // told by the build that asked for it
      await made?.remove();
    }
  });
}
