import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, as files in PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Certificates made by openssl in one folder, for tests of TLS. */
export interface CertificateMaker {
  authority(name: string): CertificateFiles;
  /** @param subject e.g. `IP:127.0.0.1` for a server; `client` for the other side. @param days -1: expired already */
  issue(by: CertificateFiles, name: string, subject: string, days?: number): CertificateFiles;
  /** A folder as `DOCKER_CERT_PATH` wants one; what is undefined is left out. */
  folder(name: string, files: { ca?: string; cert?: string; key?: string }): string;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function createCertificateMaker(folder: string): CertificateMaker {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  const filesOf = (name: string): CertificateFiles => ({
    cert: join(folder, `${name}.pem`),
    key: join(folder, `${name}-key.pem`),
  });
  return {
    authority: (name) => {
      const { cert, key } = filesOf(name);
      openssl('req', '-x509', ...KEY, '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`);
      return { cert, key };
    },
    issue: (by, name, subject, days = 2) => {
      const { cert, key } = filesOf(name);
      const request = join(folder, `${name}.csr`);
      const extensions = join(folder, `${name}.ext`);
      const isClient = subject === 'client';
      writeFileSync(
        extensions,
        isClient
          ? 'extendedKeyUsage=clientAuth\n'
          : `subjectAltName=${subject}\nextendedKeyUsage=serverAuth\n`,
      );
      openssl('req', ...KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
      const signer = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial'];
      const validity = ['-extfile', extensions, '-days', String(days)];
      openssl('x509', '-req', '-in', request, '-out', cert, ...signer, ...validity);
      return { cert, key };
    },
    folder: (name, files) => {
      const path = join(folder, name);
      mkdirSync(path);
      for (const [kind, file] of Object.entries(files)) copyFileSync(file, join(path, `${kind}.pem`));
      return path;
    },
  };
}

/** What `tls.createServer` takes. */
export function readPair(files: CertificateFiles): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(files.cert), key: readFileSync(files.key) };
}
