import { CliError } from '../errors.ts';
import { capture } from '../run-program.ts';
import type { Shell } from '../shell.ts';

let known: Promise<boolean> | undefined;

/** Whether `docker build` has BuildKit to go to: the buildx component here and an engine that answers it. */
async function hasBuildKit(shell: Shell): Promise<boolean> {
  const result = await capture('docker', ['buildx', 'inspect'], shell);
  return result.exitCode === 0 && !/^error:/im.test(result.stdout);
}

/**
 * The environment for `docker build`. A client without buildx, or an engine without BuildKit, is told to use the classic
 * builder; a choice that the user made stays.
 * @param needsBuildKit for build secrets and SSH forwarding
 * @throws {CliError} when BuildKit is needed and cannot be had
 */
export async function builderEnvironment(
  shell: Shell,
  { needsBuildKit }: { needsBuildKit: boolean },
): Promise<Shell['env']> {
  const chosen = shell.env['DOCKER_BUILDKIT'];
  if (chosen !== undefined && !needsBuildKit) return shell.env;
  known ??= hasBuildKit(shell);
  const available = await known;
  if (needsBuildKit && !available) {
    throw new CliError(
      'build secrets and mount_ssh need BuildKit: install the buildx component of Docker, and an engine of version 23 or newer',
    );
  }
  return { ...shell.env, DOCKER_BUILDKIT: available ? '1' : '0' };
}

/**
 * Drops Docker's notice that the classic builder is deprecated, which tells the user of a function nothing.
 * @returns a filter to be asked line by line
 */
export function deprecationFilter(): (line: string) => boolean {
  let inNotice = false;
  return (line) => {
    if (/^DEPRECATED: The legacy builder is deprecated/.test(line)) inNotice = true;
    if (!inNotice) return true;
    if (line.trim() === '') inNotice = false;
    return false;
  };
}
