import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { createCertificateMaker } from '../support/certificates.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { Workplace } from './support/run-skep.ts';

const PROGRAM = '#!/bin/sh\necho "I am $0 with $@"\n';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

const digestOf = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function layerOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.entry({ name: 'etc', type: 'directory' });
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

describe('skep plugin get', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  describe('from a registry', function () {
    if (Bun.which('docker-registry') === null) {
      it.skip('needs docker-registry');
      return;
    }
    this.timeout(20_000);
    let registry: Registry;
    before(async () => {
      registry = await startRegistry();
      const own = await pushImage('tools/greet', { 'usr/bin/greet': PROGRAM });
      const other = await pushImage('tools/greet', { greet: 'of another machine' });
      const arch = process.arch === 'x64' ? 'amd64' : process.arch;
      await pushManifest('tools/greet', 'latest', INDEX, {
        schemaVersion: 2,
        mediaType: INDEX,
        manifests: [
          { mediaType: MANIFEST, ...other, platform: { os: 'plan9', architecture: 'mips' } },
          { mediaType: MANIFEST, ...own, platform: { os: process.platform, architecture: arch } },
        ],
      });
      await pushImage('tools/empty', { 'etc/nothing': 'x' }, 'latest');
    });
    after(() => registry.stop());

    const pushBlob = async (
      repository: string,
      bytes: Uint8Array,
    ): Promise<{ digest: string; size: number }> => {
      const begun = await fetch(`http://${registry.host}/v2/${repository}/blobs/uploads/`, {
        method: 'POST',
      });
      const url = new URL(begun.headers.get('location') ?? '');
      url.searchParams.set('digest', digestOf(bytes));
      const done = await fetch(url, {
        method: 'PUT',
        body: bytes,
        headers: { 'Content-Type': 'application/octet-stream' },
      });
      expect(done.status).to.equal(201);
      return { digest: digestOf(bytes), size: bytes.length };
    };
    const pushManifest = async (repository: string, tag: string, type: string, manifest: object) => {
      const text = JSON.stringify(manifest);
      const url = `http://${registry.host}/v2/${repository}/manifests/${tag === '' ? digestOf(text) : tag}`;
      const done = await fetch(url, { method: 'PUT', body: text, headers: { 'Content-Type': type } });
      expect(done.status, await done.text()).to.equal(201);
      return { digest: digestOf(text), size: text.length };
    };
    const pushImage = async (repository: string, files: Readonly<Record<string, string>>, tag = '') => {
      const config = await pushBlob(repository, Buffer.from('{}'));
      const base = await pushBlob(repository, await layerOf({ 'etc/hosts': 'x' }));
      const layer = await pushBlob(repository, await layerOf(files));
      return pushManifest(repository, tag, MANIFEST, {
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: [
          { mediaType: LAYER, ...base },
          { mediaType: LAYER, ...layer },
        ],
      });
    };
    const get = (...args: readonly string[]) =>
      place.skep(['plugin', 'get', ...args, '--registry', `${registry.host}/tools`]);

    it('fetches the program for this machine, which is then a command', async () => {
      const ran = await get('greet');
      const path = join(place.home, '.openfaas/plugins/greet');
      expect(ran.exitCode, ran.stdout).to.equal(0);
      expect(ran.stdout).to.equal(`Downloaded plugin: ${path} (0.0 MB)\n\nUsage:\n  skep greet\n`);
      expect(statSync(path).mode & 0o777).to.equal(0o755);
      expect((await place.skep(['greet', 'a'])).stdout).to.equal(`I am ${path} with a\n`);
      expect((await place.skep(['plugin', 'list'])).stdout).to.equal('greet\n');
    });

    it('fetches it for another machine, elsewhere', async () => {
      const ran = await get('greet', '--os', 'plan9', '--arch', 'mips', '--path', './here', '-v');
      expect(ran.stderr).to.contain('/tools/greet:latest for plan9/mips');
      expect(place.read('here/greet')).to.equal('of another machine');
    });

    const refused: readonly (readonly [string, string[], RegExp])[] = [
      [
        'a machine that it is not there for',
        ['greet', '--os', 'beos'],
        /Greet is not there for beos\/\w+, but for plan9\/mips, \w+\/\w+: see --os and --arch/i,
      ],
      [
        'a plugin that is not there',
        ['nosuch'],
        /There is no image [\d.:]+\/tools\/nosuch with manifests latest\n/,
      ],
      [
        'an image without the program',
        ['empty'],
        /There is no program "empty" in its image: is it a plugin\?\n/,
      ],
    ];
    for (const [what, args, said] of refused) {
      it(`fails on ${what}, and leaves nothing`, async () => {
        const ran = await get(...args);
        expect(ran.stdout).to.match(said);
        expect(ran.exitCode).to.equal(1);
        expect(existsSync(join(place.home, '.openfaas/plugins'))).to.equal(false);
      });
    }
  });

  describe('from registries that are odd', () => {
    let server: Server;
    afterEach(() => new Promise((resolve) => server.close(resolve)));
    const start = async (listener: RequestListener): Promise<string> => {
      server = createServer(listener);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const get = async (host: string) => {
      const ran = await place.skep(['plugin', 'get', 'greet', '--registry', host]);
      expect(existsSync(join(place.home, '.openfaas/plugins/greet'))).to.equal(ran.exitCode === 0);
      return ran;
    };

    it('gets the token that is given to everybody, and does not take it to another host', async () => {
      const layer = await layerOf({ greet: PROGRAM });
      const manifest = JSON.stringify({ layers: [{ mediaType: LAYER, digest: digestOf(layer) }] });
      const seen: string[] = [];
      const elsewhere = createServer((request, response) => {
        seen.push(`elsewhere ${request.headers.authorization ?? 'without'}`);
        response.end(layer);
      });
      await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
      const { port } = elsewhere.address() as AddressInfo;
      const host = await start(({ url = '', headers }, response) => {
        seen.push(`${url} ${headers.authorization ?? 'without'}`);
        if (url.startsWith('/token')) response.end('{"token":"t0k"}');
        else if (headers.authorization === undefined)
          response
            .writeHead(401, {
              'WWW-Authenticate': `Bearer realm="http://${headers.host}/token",service="reg"`,
            })
            .end();
        else if (url.includes('/blobs/'))
          response.writeHead(307, { Location: `http://127.0.0.1:${port}/x` }).end();
        else response.end(manifest);
      });
      try {
        const ran = await get(host);
        expect(ran.exitCode, ran.stdout).to.equal(0);
        expect(seen).to.deep.equal([
          '/v2/greet/manifests/latest without',
          '/token?scope=repository%3Agreet%3Apull&service=reg without',
          '/v2/greet/manifests/latest Bearer t0k',
          `/v2/greet/blobs/${digestOf(layer)} Bearer t0k`,
          'elsewhere without',
        ]);
      } finally {
        await new Promise((resolve) => elsewhere.close(resolve));
      }
    });

    const unencrypted = 'http://127.0.0.1:1/x';
    const leads: readonly (readonly [string, RequestListener])[] = [
      ['for its content', (_, response) => response.writeHead(307, { Location: unencrypted }).end()],
      [
        'for a token',
        (_, response) =>
          response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${unencrypted}"` }).end(),
      ],
    ];
    for (const [why, listener] of leads) {
      it(`goes nowhere that is not encrypted ${why}, where the registry is`, async () => {
        const maker = createCertificateMaker(place.home);
        const authority = maker.authority('ca');
        const { cert, key } = maker.issue(authority, 'registry', 'IP:127.0.0.1');
        place.env['NODE_EXTRA_CA_CERTS'] = authority.cert;
        server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener);
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const ran = await get(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
        expect(ran.stdout).to.contain('to http://127.0.0.1:1, which is not encrypted');
      });
    }

    const layers = JSON.stringify({ layers: [{ digest: digestOf('what was promised') }] });
    const odd: readonly (readonly [string, RequestListener, string])[] = [
      [
        'another content than was promised',
        ({ url = '' }, response) => response.end(url.includes('/blobs/') ? 'another' : layers),
        'nothing was kept',
      ],
      [
        'what is no archive',
        ({ url = '' }, response) => response.end(url.includes('/blobs/') ? 'what was promised' : layers),
        'A layer of the image cannot be read:',
      ],
      ['a page', (_, response) => response.end('<html>'), 'is it a registry of images?'],
      ['no layers', (_, response) => response.end('{}'), 'has no layers'],
      [
        'digests of another kind',
        (_, response) => response.end('{"layers":[{"digest":"md5:x"}]}'),
        'cannot be checked',
      ],
      [
        'a redirection to itself',
        ({ url }, response) => response.writeHead(302, { Location: url }).end(),
        'without end',
      ],
      ['a wish for a login', (_, response) => response.writeHead(401).end(), 'wants a login'],
      ['a refusal', (_, response) => response.writeHead(403).end(), 'is not for everybody (403)'],
      ['a failure', (_, response) => response.writeHead(500).end(), 'the registry answered 500'],
    ];
    for (const [what, listener, said] of odd) {
      it(`fails on ${what}`, async () => {
        const ran = await get(await start(listener));
        expect(ran.stdout).to.contain(said);
        expect(ran.exitCode).to.equal(1);
      });
    }
  });

  const wrong: readonly (readonly [string[], string])[] = [
    [[], "Missing required argument 'name'"],
    [['../x'], '"../x" is no name of a plugin'],
    [['list'], 'Skep has a command list of its own'],
    [['x', '--version', 'a b'], '--version must be a tag or a digest'],
    [['x', '--registry', 'not a registry'], '--registry must be like'],
    [['x', '--registry', '127.0.0.1:1'], 'Cannot reach http://127.0.0.1:1'],
  ];
  for (const [args, said] of wrong) {
    it(`refuses "${args.join(' ')}"`, async () => {
      const ran = await place.skep(['plugin', 'get', ...args]);
      expect(ran.stdout).to.contain(said);
      expect(ran.exitCode).to.equal(1);
    });
  }
});
