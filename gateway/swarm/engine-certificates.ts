import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What TLS to an engine needs, in PEM; an engine that asks for no client certificate needs the CA alone. */
export interface EngineCertificates {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem` where Docker's own client does.
 * @throws {Error} one sentence that names the file and what is wrong with it
 */
export function loadEngineCertificates(
  env: Readonly<Record<string, string | undefined>>,
): EngineCertificates {
  const folder = env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(homedir(), '.docker');
  const ca = read(folder, 'ca.pem');
  if (ca === undefined) {
    throw new Error(
      `DOCKER_TLS_VERIFY is set, but ${folder} has no ca.pem: DOCKER_CERT_PATH must name the folder of ca.pem, cert.pem and key.pem`,
    );
  }
  parse(folder, 'ca.pem', () => new X509Certificate(ca));
  const cert = read(folder, 'cert.pem');
  const key = read(folder, 'key.pem');
  if (cert === undefined && key === undefined) return { ca };
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? ['key.pem', 'cert.pem'] : ['cert.pem', 'key.pem'];
    throw new Error(`DOCKER_CERT_PATH: ${folder} has ${there} but no ${missing}: the engine asks for both`);
  }
  checkPair(folder, cert, key);
  return { ca, cert, key };
}

function checkPair(folder: string, cert: Buffer, key: Buffer): void {
  const certificate = parse(folder, 'cert.pem', () => new X509Certificate(cert));
  const privateKey = parse(folder, 'key.pem', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`DOCKER_CERT_PATH: ${join(folder, 'key.pem')} is not the key of cert.pem`);
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    throw new Error(
      `DOCKER_CERT_PATH: ${join(folder, 'cert.pem')} expired on ${certificate.validTo}: renew it`,
    );
  }
}

function read(folder: string, name: string): Buffer | undefined {
  try {
    return readFileSync(join(folder, name));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`DOCKER_CERT_PATH: ${join(folder, name)} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function parse<T>(folder: string, name: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new Error(
      `DOCKER_CERT_PATH: ${join(folder, name)} is not a ${name === 'key.pem' ? 'private key without a password' : 'certificate'} in PEM`,
      { cause },
    );
  }
}
