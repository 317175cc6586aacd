import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../platform/apt.ts';
import { Problem } from '../shell/problem.ts';
import { lastLines } from '../shell/run-command.ts';
import { certificateEnvironment, type HostTrust } from './host-trust.ts';

export interface DebianStandIn {
  readonly image: string;
  readonly suite: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly trust: HostTrust;
}

/** Builds a Debian image from packages and imports it into the engine. */
export async function buildDebianStandIn(wanted: DebianStandIn): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Problem(
      `${wanted.image} cannot be pulled, and building a stand-in from packages needs root`,
      'Run this as root once, or load the image into the engine yourself (`docker load`), then run it again.',
    );
  }
  await needDebootstrap();
  const changes = [
    'CMD ["bash"]',
    ...certificateEnvironment(wanted.trust).map((variable) => `ENV ${variable}`),
    ...Object.entries(wanted.labels).map(([name, value]) => `LABEL ${name}=${value}`),
  ].flatMap((change) => ['--change', change]);

  const bootstrap = Bun.spawn(['bash', join(import.meta.dirname, 'debian-stand-in.sh')], {
    env: {
      ...process.env,
      SUITE: wanted.suite,
      MIRROR: wanted.trust.mirror,
      SECURITY_MIRROR: wanted.trust.securityMirror,
      APT_PROXY: wanted.trust.aptProxy,
      CERTIFICATES: wanted.trust.certificates,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const load = Bun.spawn(['docker', 'import', ...changes, '-', wanted.image], {
    stdin: bootstrap.stdout,
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const [bootstrapOutput, loadOutput] = await Promise.all([
    new Response(bootstrap.stderr).text(),
    new Response(load.stderr).text(),
  ]);
  const exitCode = await bootstrap.exited;
  const loadExitCode = await load.exited;
  // An image of half a tree must not stay: the import sees only the end of its input.
  if (exitCode !== 0 && loadExitCode === 0) await Bun.$`docker image rm ${wanted.image}`.quiet().nothrow();
  if (exitCode !== 0 || loadExitCode !== 0) {
    throw new Problem(
      `building ${wanted.image} from packages failed:\n${lastLines(`${bootstrapOutput}\n${loadOutput}`, 15)}`,
      'Check that apt works on this machine (`apt-get update`) and that the disk is not full, then run this again.',
    );
  }
}

async function needDebootstrap(): Promise<void> {
  const missing: string[] = [];
  if (Bun.which('debootstrap') === null) missing.push('debootstrap');
  if (!existsSync('/usr/share/keyrings/debian-archive-keyring.gpg')) missing.push('debian-archive-keyring');
  if (missing.length > 0) await installPackages(missing);
}
