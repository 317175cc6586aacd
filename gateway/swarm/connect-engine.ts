import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';

const DEFAULT_SOCKET = '/var/run/docker.sock';

/**
 * The engine that `DOCKER_HOST` names (`unix:///path`, `tcp://host:port`), or the local socket. Over TLS when
 * `DOCKER_TLS_VERIFY` is set: the client's certificate is then read from `DOCKER_CERT_PATH`. Nothing is dialled yet.
 * @throws {Error} for an address or certificate that cannot be read
 */
export function connectEngine(env: Readonly<Record<string, string | undefined>> = {}): Docker {
  const address = env['DOCKER_HOST'] || `unix://${DEFAULT_SOCKET}`;
  if (address.startsWith('unix://')) {
    // Without `host: undefined` docker-modem would let its own reading of the environment win.
    return new Docker({
      socketPath: address.slice('unix://'.length) || DEFAULT_SOCKET,
      host: undefined,
    } as Docker.DockerOptions);
  }
  const url = parseAddress(address);
  const isTls = Boolean(env['DOCKER_TLS_VERIFY']);
  return new Docker({
    host: url.hostname,
    port: url.port || (isTls ? '2376' : '2375'),
    protocol: isTls ? 'https' : 'http',
    ...(isTls && readCertificates(env['DOCKER_CERT_PATH'])),
  });
}

function parseAddress(address: string): URL {
  const url = address.startsWith('tcp://') ? URL.parse(address.replace('tcp://', 'http://')) : null;
  if (url === null) throw new Error(`DOCKER_HOST=${address}: expected unix:///path or tcp://host:port`);
  return url;
}

function readCertificates(folder: string | undefined): { ca: Buffer; cert: Buffer; key: Buffer } {
  if (!folder)
    throw new Error('DOCKER_TLS_VERIFY needs DOCKER_CERT_PATH, the folder of ca.pem, cert.pem and key.pem');
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}
