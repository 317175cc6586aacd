import { Problem } from '../shell/problem.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';

const ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive' };

/**
 * Installs Debian or Ubuntu packages.
 * @param leaveOut paths of files that are not to be installed, e.g. the unit that would start a service
 * @throws {Problem} when this is not root, not such a system, or apt fails
 */
export async function installPackages(
  names: readonly string[],
  leaveOut: readonly string[] = [],
): Promise<void> {
  const list = names.join(' ');
  if (Bun.which('apt-get') === null) {
    throw new Problem(
      `${list} is missing, and this system has no apt to install it with`,
      `Install ${list} with the package manager of this system, then run this again.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Problem(
      `${list} is missing, and only root can install packages`,
      `Run \`sudo apt-get install ${list}\`, or run this again as root.`,
    );
  }
  const dpkgOptions = leaveOut.flatMap((path) => ['-o', `Dpkg::Options::=--path-exclude=${path}`]);
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...dpkgOptions, ...names];
  // The indexes may be missing or old: they are fetched when the install does not succeed without.
  const first = await runCommand(install, { env: ENVIRONMENT });
  if (first.exitCode === 0) return;
  const advice = 'Check that apt works on this machine (`apt-get update`), then run this again.';
  await mustRun(['apt-get', 'update'], { env: ENVIRONMENT, advice });
  await mustRun(install, { env: ENVIRONMENT, advice });
}
