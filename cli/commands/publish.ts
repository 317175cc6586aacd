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
Images go to their registry right from the build and are not kept here. It needs Docker with buildx, and builds with the builder
that BUILDX_BUILDER names, else with one called multiarch, which is made where there is none. That one runs in a container: to push
to a registry on 127.0.0.1 make it yourself, once, with the network of this machine:

  docker buildx create --name multiarch --driver-opt network=host

The watchdog is taken out of this engine's skep/watchdog, for amd64 and arm64. What the build runs for another platform needs its
emulation (--reset-qemu). For the platform of this machine "skep build" and "skep push" do.

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
