import type { Command } from 'commander';
import {
  addBuildFlags,
  type BuildFlags,
  buildSettings,
  functionsToBuild,
  withRemote,
} from '../build/build-flags.ts';
import { buildFunctions } from '../build/build-functions.ts';
import { checkPublish, prepareBuilder } from '../build/publish.ts';
import { CliError } from '../errors.ts';
import { addGatewayFlags, type GatewayFlags, listFlag, switchFlag } from '../flags.ts';
import { requirePrefixes } from '../push-functions.ts';
import type { Shell } from '../shell.ts';

interface PublishFlags extends BuildFlags, GatewayFlags {
  readonly platforms: string;
  readonly extraTag: readonly string[];
  readonly resetQemu: boolean;
}

export function define(command: Command, shell: Shell): void {
  addBuildFlags(command);
  addGatewayFlags(command);
  command.option('--platforms <list>', 'platforms, unless a function has its own', 'linux/amd64');
  listFlag(command, '--extra-tag <tag>', 'one more tag for every image');
  switchFlag(
    command,
    '--reset-qemu',
    'set up the emulation of other platforms first (a privileged container)',
  );
  command.addHelpText(
    'after',
    `
Images go to their registry right from the build and are not kept here. It needs Docker with buildx; the template must know
TARGETPLATFORM where that matters. For the platform of this machine "skep build" and "skep push" do.

Examples:
  skep publish --platforms linux/amd64,linux/arm64
  skep publish -f stack.yaml --filter api --tag sha --extra-tag latest
  skep publish --remote-builder http://127.0.0.1:8080 --payload-secret ./payload-secret`,
  );
  command.action(async () => {
    const flags = command.opts<PublishFlags>();
    const publish = { platforms: flags.platforms, extraTags: flags.extraTag };
    checkPublish(publish);
    const { stack, functions } = await functionsToBuild(shell, flags);
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
    await prepareBuilder(shell, flags);
    await buildFunctions(shell, functions, { ...settings, publish });
  });
}
