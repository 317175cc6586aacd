import type { Command } from 'commander';
import { addBuildFlags, functionsToBuild } from '../build/build-flags.ts';
import { DEFAULT_PLATFORMS, type PublishFlags, publishFunctions } from '../build/publish-functions.ts';
import { addGatewayFlags, listFlag, switchFlag } from '../flags.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  addBuildFlags(command);
  addGatewayFlags(command);
  command.option('--platforms <list>', 'platforms, unless a function has its own', DEFAULT_PLATFORMS);
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
    await publishFunctions(shell, flags, await functionsToBuild(shell, flags));
  });
}
