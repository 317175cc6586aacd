import Docker from 'dockerode';
import { guardAnswers } from './engine-answers.ts';
import { loadEngineCertificates } from './engine-certificates.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';

/**
 * The engine that `DOCKER_HOST` names (`unix:///path`, `tcp://host:port`), or the local socket, by the rules of Docker's
 * own client: any value of `DOCKER_TLS_VERIFY` but the empty one means TLS over TCP, with the certificates in
 * `DOCKER_CERT_PATH`, else `DOCKER_CONFIG`, else `~/.docker`. Nothing is dialled yet.
 * @throws {Error} for an address or certificate that cannot be used: one sentence that names the variable
 */
export function connectEngine(env: Readonly<Record<string, string | undefined>> = {}): Docker {
  return guardAnswers(open(env));
}

function open(env: Readonly<Record<string, string | undefined>>): Docker {
  const address = env['DOCKER_HOST'] || `unix://${DEFAULT_SOCKET}`;
  if (address.startsWith('unix://')) {
    // Without `host: undefined` docker-modem would let its own reading of the environment win.
    return create({
      socketPath: address.slice('unix://'.length) || DEFAULT_SOCKET,
      host: undefined,
    } as Docker.DockerOptions);
  }
  const url = parseAddress(address);
  const isTls = Boolean(env['DOCKER_TLS_VERIFY']);
  return create({
    host: url.hostname,
    port: url.port || (isTls ? '2376' : '2375'),
    protocol: isTls ? 'https' : 'http',
    ...(isTls && loadEngineCertificates(env)),
  });
}

function create(options: Docker.DockerOptions): Docker {
  try {
    return new Docker(options);
  } catch (cause) {
    // docker-modem reads the process's own DOCKER_* variables, whatever it is given.
    throw new Error(`DOCKER_HOST or DOCKER_CERT_PATH: ${(cause as Error).message}`, { cause });
  }
}

function parseAddress(address: string): URL {
  const url = address.startsWith('tcp://') ? URL.parse(address.replace('tcp://', 'http://')) : null;
  const isBare =
    url !== null && url.username + url.password + url.search + url.hash === '' && url.pathname === '/';
  if (!isBare) throw new Error(`DOCKER_HOST=${address}: expected unix:///path or tcp://host:port`);
  return url;
}
