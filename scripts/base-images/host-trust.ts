import { existsSync, readdirSync } from 'node:fs';
import { runCommand } from '../shell/run-command.ts';

const CERTIFICATE_FOLDER = '/usr/local/share/ca-certificates';
const CERTIFICATE_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

/** What a stand-in image takes over from the host, so that apt, npm and pip reach inside a build what they reach outside. */
export interface HostTrust {
  /** The folder of the host's own certificate authorities, or '' when it has none. */
  readonly certificates: string;
  /** Package mirror for the suite; '' leaves the choice to debootstrap. */
  readonly mirror: string;
  readonly securityMirror: string;
  /** Lines for apt.conf; '' for no proxy. */
  readonly aptProxy: string;
}

/** Reads the host's certificates and apt settings. A host without apt gives the defaults. */
export async function readHostTrust(suite: string): Promise<HostTrust> {
  const targets = await runCommand([
    'apt-get',
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const proxies = await runCommand(['apt-config', 'dump', '--format', '%f "%v";%n', 'Acquire']);
  return {
    certificates: hasCertificates(CERTIFICATE_FOLDER) ? CERTIFICATE_FOLDER : '',
    ...mirrorsOf(targets.stdout, suite),
    aptProxy: proxyLines(proxies.stdout),
  };
}

/**
 * The mirrors that serve a suite, out of apt's own list of targets.
 * @param targets lines of `<repository URI> <release> <component>`
 */
export function mirrorsOf(targets: string, suite: string): { mirror: string; securityMirror: string } {
  const mirrorOf = (release: string) =>
    targets
      .split('\n')
      .map((line) => line.split(' '))
      .find(([, name, component]) => name === release && component === 'main')?.[0] ?? '';
  return { mirror: mirrorOf(suite), securityMirror: mirrorOf(`${suite}-security`) };
}

/** The proxy settings out of apt's configuration; one that holds a password stays on the host. */
export function proxyLines(configuration: string): string {
  return configuration
    .split('\n')
    .filter((line) => /^Acquire::https?::Proxy "[^"@]+";$/i.test(line))
    .join('\n');
}

/** The environment that makes Node, Python and OpenSSL believe the certificates that the image carries. */
export function certificateEnvironment(trust: HostTrust): readonly string[] {
  if (trust.certificates === '') return [];
  return ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'PIP_CERT', 'REQUESTS_CA_BUNDLE'].map(
    (name) => `${name}=${CERTIFICATE_BUNDLE}`,
  );
}

function hasCertificates(folder: string): boolean {
  return (
    existsSync(folder) &&
    readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith('.crt'))
  );
}
