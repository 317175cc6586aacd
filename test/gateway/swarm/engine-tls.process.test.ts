import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { createEngine } from '../../../gateway/swarm/engine.ts';
import {
  type CertificateFiles,
  type CertificateMaker,
  createCertificateMaker,
  readPair,
} from '../../support/certificates.ts';

/** What concerns the gateway's side of TLS; the engine's side is in engine-tls.docker.test.ts. */
describe('an engine over TLS, as its address and certificates say', function () {
  this.timeout(30_000);
  let root: string;
  let make: CertificateMaker;
  let ca: CertificateFiles;
  let otherCa: CertificateFiles;
  let client: CertificateFiles;
  let stranger: CertificateFiles;
  let good: string;
  const servers: Server[] = [];

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'skep-tls-'));
    make = createCertificateMaker(root);
    [ca, otherCa] = [make.authority('ca'), make.authority('other-ca')];
    client = make.issue(ca, 'client', 'client');
    stranger = make.issue(otherCa, 'stranger', 'client');
    good = make.folder('good', { ca: ca.cert, ...client });
  });
  after(() => rmSync(root, { recursive: true, force: true }));
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const answer: RequestListener = (_, response) =>
    response.end('{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20"}');
  const listen = async (server: Server, host = '127.0.0.1'): Promise<number> => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as AddressInfo).port;
  };
  /** A server that speaks as an engine does, with a certificate for `subject`. */
  const serve = (name: string, subject: string, days?: number): Promise<number> =>
    listen(createTlsServer(readPair(make.issue(ca, name, subject, days)), answer));
  const open = (host: string, certPath: string | undefined, env: Record<string, string> = {}) =>
    connectEngine({ DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certPath, ...env });
  const version = (docker: ReturnType<typeof connectEngine>): Promise<{ Version: string }> =>
    createEngine(docker, { callLimitMs: 5000 }).ask('read the version', (engine) => engine.version());
  const reason = async (docker: ReturnType<typeof connectEngine>): Promise<string> => {
    const error = await version(docker).then(
      () => new Error('it answered'),
      (cause: unknown) => cause,
    );
    if (!(error instanceof FaasError)) throw error;
    expect([error.code, error.message.includes('\n')]).to.deep.equal(['provider_unavailable', false]);
    return error.message;
  };

  it('answers one that has a certificate of the CA for the name that is dialled', async () => {
    const port = await serve('server', 'IP:127.0.0.1,DNS:localhost');
    for (const host of ['127.0.0.1', 'localhost']) {
      expect((await version(open(`tcp://${host}:${port}`, good))).Version).to.equal('20');
    }
  });

  it('takes a bundle of several CAs', async () => {
    const bundle = make.folder('bundle', { ca: otherCa.cert, ...client });
    appendFileSync(join(bundle, 'ca.pem'), readFileSync(ca.cert));
    const port = await serve('for-bundle', 'IP:127.0.0.1');
    expect((await version(open(`tcp://127.0.0.1:${port}`, bundle))).Version).to.equal('20');
  });

  it('says that the engine’s certificate is of another CA', async () => {
    const port = await serve('server-of-ca', 'IP:127.0.0.1');
    const distrusting = make.folder('distrusting', { ca: otherCa.cert, ...stranger });
    const told = await reason(open(`tcp://127.0.0.1:${port}`, distrusting));
    expect(told).to.include('not by the CA in ca.pem');
  });

  it('says that the engine’s certificate is for another name', async () => {
    const port = await serve('elsewhere', 'DNS:elsewhere.example');
    expect(await reason(open(`tcp://127.0.0.1:${port}`, good))).to.include('for another name');
  });

  it('says that the engine’s certificate has expired', async () => {
    const port = await serve('expired-server', 'IP:127.0.0.1', -1);
    expect(await reason(open(`tcp://127.0.0.1:${port}`, good))).to.include('its certificate has expired');
  });

  it('says that the engine speaks no TLS, or nothing but TLS', async () => {
    const plain = await listen(createPlainServer(answer));
    expect(await reason(open(`tcp://127.0.0.1:${plain}`, good))).to.include('does not speak TLS');
    const told = await reason(
      connectEngine({
        DOCKER_HOST: `tcp://127.0.0.1:${await listen(
          createPlainServer((_, response) => {
            response.statusCode = 400; // the engine's own words
            response.end('Client sent an HTTP request to an HTTPS server.\n');
          }),
        )}`,
      }),
    );
    expect(told).to.include('set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH');
  });

  it('says that there is nobody at the address', async () => {
    const server = createPlainServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await reason(open(`tcp://127.0.0.1:${port}`, good))).to.include('cannot be reached');
  });

  describe('by Docker’s rules for the variables', () => {
    it('speaks plainly while DOCKER_TLS_VERIFY is empty, whatever DOCKER_CERT_PATH says; IPv6, too', async () => {
      const port = await listen(createPlainServer(answer), '::1');
      const env = { DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '/nowhere' };
      expect((await version(open(`tcp://[::1]:${port}`, undefined, env))).Version).to.equal('20');
    });

    it('speaks TLS with any other value of DOCKER_TLS_VERIFY, 0 and false included', async () => {
      const port = await serve('any-value', 'IP:127.0.0.1');
      for (const value of ['1', '0', 'false', 'no']) {
        const docker = open(`tcp://127.0.0.1:${port}`, good, { DOCKER_TLS_VERIFY: value });
        expect((await version(docker)).Version).to.equal('20');
      }
    });

    it('reads the certificates in DOCKER_CONFIG where DOCKER_CERT_PATH says nothing', async () => {
      const port = await serve('by-config', 'IP:127.0.0.1');
      for (const unset of [undefined, '']) {
        const docker = open(`tcp://127.0.0.1:${port}`, unset, { DOCKER_CONFIG: good });
        expect((await version(docker)).Version).to.equal('20');
      }
    });
  });

  describe('is refused before anything is dialled', () => {
    const refused = (env: Record<string, string>): string => {
      try {
        connectEngine({ DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_TLS_VERIFY: '1', ...env });
      } catch (error) {
        const { message } = error as Error;
        expect(message).to.not.include('\n');
        return message;
      }
      throw new Error('it was taken');
    };

    it('when there is no folder, or no file in it, and says which are wanted', () => {
      for (const folder of [join(root, 'nowhere'), make.folder('empty', {})]) {
        const told = refused({ DOCKER_CERT_PATH: folder });
        expect(told).to.include(`${folder} has no ca.pem`).and.include('cert.pem and key.pem');
      }
      const told = refused({ DOCKER_CONFIG: join(root, 'nowhere') });
      expect(told).to.include('DOCKER_CERT_PATH must name the folder');
    });

    it('when the certificate has no key, or the key no certificate', () => {
      const { cert, key } = client;
      const keyless = make.folder('keyless', { ca: ca.cert, cert });
      expect(refused({ DOCKER_CERT_PATH: keyless })).to.include('no key.pem');
      const certless = make.folder('certless', { ca: ca.cert, key });
      expect(refused({ DOCKER_CERT_PATH: certless })).to.include('no cert.pem');
    });

    it('when the key is another’s', () => {
      const folder = make.folder('mixed', { ca: ca.cert, cert: client.cert, key: stranger.key });
      expect(refused({ DOCKER_CERT_PATH: folder })).to.include('key.pem is not the key of cert.pem');
    });

    it('when a file is none of its kind', () => {
      for (const [kind, word] of [
        ['ca', 'certificate'],
        ['cert', 'certificate'],
        ['key', 'private key'],
      ] as const) {
        const folder = make.folder(`nonsense-${kind}`, { ca: ca.cert, ...client });
        writeFileSync(join(folder, `${kind}.pem`), 'nonsense');
        const told = refused({ DOCKER_CERT_PATH: folder });
        expect(told).to.include(`${kind}.pem is not a ${word}`);
      }
    });

    it('when the client’s certificate has expired', () => {
      const old = make.issue(ca, 'expired-client', 'client', -1);
      const folder = make.folder('expired', { ca: ca.cert, ...old });
      expect(refused({ DOCKER_CERT_PATH: folder })).to.include('cert.pem expired on');
    });

    it('when DOCKER_HOST is no address', () => {
      for (const host of [
        'nonsense',
        '127.0.0.1:2375',
        'ssh://host',
        'https://host:2376',
        'tcp://',
        'tcp://:2375',
        'tcp://host:99999',
        'tcp://user:pass@host:2376',
        'tcp://host:2376/path',
        'tcp://host:2376?x',
        'unix:/var/run/docker.sock',
      ]) {
        const told = refused({ DOCKER_HOST: host, DOCKER_CERT_PATH: good });
        expect(told).to.equal(`DOCKER_HOST=${host}: expected unix:///path or tcp://host:port`);
      }
    });
  });
});
