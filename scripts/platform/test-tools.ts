import { installPackages } from './apt.ts';

/** Programs that tests use as clients, loads and fixtures, and the distribution's packages that hold them. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  busybox: 'busybox-static',
  curl: 'curl',
  'docker-registry': 'docker-registry',
  git: 'git',
  hey: 'hey',
  python3: 'python3',
};

/** Tests start a registry of their own; the package's service would hold port 5000 of this machine. */
const LEFT_OUT = [
  '/etc/init.d/docker-registry',
  '/lib/systemd/system/docker-registry.service',
  '/usr/lib/systemd/system/docker-registry.service',
];

/**
 * Installs those that are missing.
 * @returns the packages installed
 * @throws {Problem} when that is not possible
 */
export async function ensureTestTools(): Promise<string[]> {
  const missing = Object.keys(PACKAGE_OF).filter((program) => Bun.which(program) === null);
  const packages = missing.map((program) => PACKAGE_OF[program] ?? program);
  if (packages.length > 0) await installPackages(packages, LEFT_OUT);
  return packages;
}
