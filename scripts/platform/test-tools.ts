import { existsSync } from 'node:fs';
import { installPackages } from './apt.ts';

/** Programs (and files, by their path) that tests use as clients, loads and fixtures, and the distribution's packages that hold them. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  '/usr/lib/python3/dist-packages/requests': 'python3-requests',
  '/usr/sbin/nginx': 'nginx-light',
  bundle: 'bundler',
  busybox: 'busybox-static',
  chromium: 'chromium',
  composer: 'composer',
  curl: 'curl',
  'docker-registry': 'docker-registry',
  fish: 'fish',
  git: 'git',
  hey: 'hey',
  jq: 'jq',
  'nats-server': 'nats-server',
  php: 'php-cli',
  ps: 'procps',
  python3: 'python3',
  ruby: 'ruby',
  wrk: 'wrk',
  zsh: 'zsh',
};

/** Tests start a registry, an nginx and NATS servers of their own; the packages' services would hold ports 5000, 80 and 4222 of this machine. */
const LEFT_OUT = ['docker-registry', 'nats-server', 'nginx'].flatMap((service) => [
  `/etc/init.d/${service}`,
  `/lib/systemd/system/${service}.service`,
  `/usr/lib/systemd/system/${service}.service`,
]);

/**
 * Installs those that are missing.
 * @returns the packages installed
 * @throws {Problem} when that is not possible
 */
export async function ensureTestTools(): Promise<string[]> {
  const missing = Object.keys(PACKAGE_OF).filter((program) =>
    program.startsWith('/') ? !existsSync(program) : Bun.which(program) === null,
  );
  const packages = missing.map((program) => PACKAGE_OF[program] ?? program);
  if (packages.length > 0) await installPackages(packages, LEFT_OUT);
  return packages;
}
