import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import { signBuild } from '../../contract/build-signature.ts';
import { generateKeyPair, unsealSecrets } from '../../contract/sealed-secrets.ts';
import { Workplace } from './support/run-skep.ts';

/** What the tar of a build request holds: name to content, and its modes. */
async function unpack(
  tar: Buffer,
): Promise<{ contents: Record<string, string>; modes: Record<string, number> }> {
  const contents: Record<string, string> = {};
  const modes: Record<string, number> = {};
  for await (const entry of Readable.from(tar).pipe(extract())) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    contents[entry.header.name] = Buffer.concat(chunks).toString('utf8');
    modes[entry.header.name] = entry.header.mode ?? 0;
  }
  return { contents, modes };
}

describe('skep build --remote', () => {
  let place: Workplace;
  let server: Server;
  let url: string;
  let replies: { status: number; body?: string; retryAfter?: string }[];
  let tars: Buffer[];
  let paths: string[];
  let headers: Record<string, unknown>;
  beforeEach(async () => {
    place = new Workplace();
    place.addTemplate('mine');
    place.write('hello/handler.txt', 'own');
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nfunctions:\n  hello: {lang: mine, handler: ./hello, image: r.example/hello, build_args: {A: b}}\n',
    );
    tars = [];
    paths = [];
    replies = [];
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        headers = request.headers;
        paths.push(request.url ?? '');
        if (request.method === 'POST') tars.push(Buffer.concat(chunks));
        const { status, body = '', retryAfter } = replies.shift() ?? { status: 202 };
        response.writeHead(status, retryAfter === undefined ? {} : { 'Retry-After': retryAfter }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await place.remove();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const lines = (...progress: object[]): string =>
    progress.map((line) => `${JSON.stringify(line)}\n`).join('');
  const success = lines(
    { log: ['t Step 1/1'], image: 'x', status: 'in_progress' },
    { log: [], image: 'x', status: 'success' },
  );

  it('sends configuration and context, and prints the progress', async () => {
    replies = [{ status: 200, body: success }];
    const ran = await place.skep(['build', '--remote', '-g', url]);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(ran.stdout).to.contain('t Step 1/1\nImage: r.example/hello:latest built.\n');
    expect(headers).to.include({
      accept: 'application/x-ndjson',
      'content-type': 'application/octet-stream',
    });
    const { contents, modes } = await unpack(tars[0] ?? Buffer.alloc(0));
    expect(JSON.parse(contents['com.openfaas.docker.config'] ?? '')).to.deep.equal({
      image: 'r.example/hello:latest',
      buildArgs: { A: 'b' },
      skipPush: true,
    });
    expect(contents['context/function/handler.txt']).to.equal('own');
    expect(modes['context/entry.sh']).to.equal(0o755);
    expect(contents).to.have.property('context/Dockerfile');
  });

  it('lets the gateway push, then deploys, with up', async () => {
    replies = [{ status: 200, body: success }, { status: 202 }];
    const ran = await place.skep(['up', '--remote', '-g', url]);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    const { contents } = await unpack(tars[0] ?? Buffer.alloc(0));
    expect(JSON.parse(contents['com.openfaas.docker.config'] ?? '')).not.to.have.property('skipPush');
    expect(ran.stdout).to.contain('Deployed. 202 Accepted.');
  });

  it('sends nothing that the gateway would refuse by its name or its platforms', async () => {
    for (const [fields, reason] of [
      ['image: "docker.io/library/node:22"', 'stack.yaml:3:'],
      ['image: skep/hello', "the platform's own"],
      ['image: r.example/hello, platforms: "linux/amd64,linux/arm64"', 'one platform at a time'],
    ] as const) {
      const rest = `lang: mine, handler: ./hello, ${fields}`;
      place.write('stack.yaml', `provider: {name: openfaas}\nfunctions:\n  hello: {${rest}}\n`);
      const ran = await place.skep(['up', '--remote', '-g', url]);
      expect(ran.exitCode, ran.stdout).to.equal(1);
      expect(ran.stdout).to.contain(reason);
    }
    expect(paths).to.deep.equal([]);
  });

  it('waits for a busy gateway', async () => {
    replies = [
      { status: 429, retryAfter: '0.01' },
      { status: 200, body: success },
    ];
    const ran = await place.skep(['build', '--remote', '-g', url]);
    expect(ran.stdout).to.contain('waiting for it');
    expect(ran.exitCode).to.equal(0);
    expect(tars).to.have.length(2);
  });

  const failing: readonly [what: string, reply: { status: number; body?: string }, message: string][] = [
    [
      'a failed build',
      { status: 200, body: lines({ log: ['boom'], status: 'failed', error: 'exit 2' }) },
      'the build failed: exit 2',
    ],
    [
      'a failed build in the words of the docs',
      { status: 200, body: lines({ status: 'failure' }) },
      'the build failed',
    ],
    [
      'a stream that ends early',
      { status: 200, body: lines({ log: ['a'], status: 'in_progress' }) },
      'is unknown',
    ],
    ['an empty answer', { status: 200 }, 'is unknown'],
    ['something else than progress', { status: 200, body: '<html>\n' }, 'no build progress'],
    ['a refusal', { status: 400, body: 'no Dockerfile' }, '400 - no Dockerfile'],
    ['wrong credentials', { status: 401 }, 'unauthorized access'],
  ];
  for (const [what, reply, message] of failing) {
    it(`fails on ${what}, and deploys nothing`, async () => {
      replies = [reply];
      const ran = await place.skep(['up', '--remote', '-g', url]);
      expect(ran.stdout).to.contain(message);
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout).not.to.contain('Deploying');
    });
  }

  it('says in which step it failed, though a time stands before each line', async () => {
    const at = '2026-01-02T03:04:05.678Z';
    const log = [`${at} Step 2/3 : RUN npm ci`, `${at} npm error`, `${at} Step 3/3 : RUN npm test`];
    replies = [
      {
        status: 200,
        body: lines({ log, status: 'in_progress' }, { log: [], status: 'failed', error: 'code 1' }),
      },
    ];
    const ran = await place.skep(['build', '--remote', '-g', url]);
    expect(ran.stdout).to.contain('the build failed: code 1\n  It failed in: RUN npm test');
    expect(ran.stdout).to.contain('These are the tests in ./hello');
  });

  it('names no step where the image was made and not pushed', async () => {
    const log = ['Step 1/1 : LABEL a=b', 'Successfully tagged r.example/hello:latest'];
    const failed = { log: [], status: 'failed', error: 'the push of r.example/hello:latest failed' };
    replies = [{ status: 200, body: lines({ log, status: 'in_progress' }, failed) }];
    const ran = await place.skep(['up', '--remote', '-g', url]);
    expect(ran.stdout).to.match(/the build failed: the push of r.example\/hello:latest failed\n$/);
  });

  it('refuses flags that only a local engine can follow', async () => {
    const ran = await place.skep(['build', '--remote', '-g', url, '--no-cache']);
    expect(ran.stdout).to.contain('--no-cache cannot be used with --remote');
    expect(tars).to.deep.equal([]);
  });

  describe('through a builder that shares a secret', () => {
    const SECRET = 'a payload secret';
    beforeEach(() => place.write('payload-secret', `${SECRET}\n`));
    const args = (...more: string[]): string[] => [
      ...['--remote-builder', `${url}/some/path`, '--payload-secret', 'payload-secret'],
      ...more,
    ];
    const configOf = async (): Promise<unknown> =>
      JSON.parse((await unpack(tars[0] ?? Buffer.alloc(0))).contents['com.openfaas.docker.config'] ?? '');

    it('signs the request, and sends no login', async () => {
      place.env['OPENFAAS_URL'] = 'http://127.0.0.1:1';
      replies = [{ status: 200, body: success }];
      const ran = await place.skep(['build', ...args()]);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      expect(paths).to.deep.equal(['/build']);
      expect(headers).to.include({ 'x-build-signature': signBuild(tars[0] ?? Buffer.alloc(0), SECRET) });
      expect(headers).not.to.have.property('authorization');
    });

    it('publishes with push and platforms, and by the environment alone', async () => {
      place.env['OPENFAAS_REMOTE_BUILDER'] = url;
      place.env['OPENFAAS_PAYLOAD_SECRET'] = 'payload-secret';
      replies = [{ status: 200, body: success }];
      const ran = await place.skep(['publish', '--platforms', 'linux/arm64']);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      expect(await configOf()).to.deep.equal({
        image: 'r.example/hello:latest',
        buildArgs: { A: 'b' },
        platforms: ['linux/arm64'],
      });
    });

    it('seals build secrets for the key that the builder tells, or for the one that is given', async () => {
      const keys = generateKeyPair();
      place.write('token', 'hush');
      place.write('key.pub', keys.publicKey);
      place.write(
        'stack.yaml',
        'provider: {name: openfaas}\nfunctions:\n  hello: {lang: mine, handler: ./hello, image: r.example/hello, build_secrets: {token: ./token}}\n',
      );
      const told = JSON.stringify({ key_id: 'x', algorithm: 'nacl/box', public_key: keys.publicKey });
      for (const [given, asked] of [
        [[], ['/publickey', '/build']],
        [['--builder-public-key', keys.publicKey], ['/build']],
        [['--builder-public-key', 'key.pub'], ['/build']],
      ] as const) {
        paths = [];
        tars = [];
        replies = [
          ...(asked.length > 1 ? [{ status: 200, body: told }] : []),
          { status: 200, body: success },
        ];
        const ran = await place.skep(['build', ...args(...given)]);
        expect(ran.exitCode, ran.stdout).to.equal(0);
        expect(paths).to.deep.equal(asked);
        const { contents, modes } = await unpack(tars[0] ?? Buffer.alloc(0));
        const opened = unsealSecrets(contents['com.openfaas.secrets'] ?? '', keys.privateKey);
        expect(Buffer.from(opened['token'] ?? []).toString()).to.equal('hush');
        expect(modes['com.openfaas.secrets']).to.equal(0o600);
      }
    });

    for (const [what, flags, message] of [
      ['no payload secret', ['--remote-builder', 'http://127.0.0.1:1'], '--payload-secret'],
      ['a payload secret that is not there', ['--payload-secret', 'none'], 'none: no such file'],
      ['an empty payload secret', ['--payload-secret', 'empty'], 'empty'],
      [
        'a builder that is no URL',
        ['--payload-secret', 'payload-secret', '--remote-builder', 'builder'],
        'URL',
      ],
      ['--remote beside it', ['--payload-secret', 'payload-secret', '--remote'], 'choose one'],
      [
        'a key that is none',
        ['--payload-secret', 'payload-secret', '--builder-public-key', 'x'],
        'public key',
      ],
      ['--no-cache', ['--payload-secret', 'payload-secret', '--no-cache'], '--no-cache cannot be used'],
    ] as const) {
      it(`refuses ${what} before anything is sent`, async () => {
        place.write('empty', ' \n');
        const ran = await place.skep(['build', '--remote-builder', url, ...flags]);
        expect(ran.stdout).to.contain(message);
        expect([ran.exitCode, paths]).to.deep.equal([1, []]);
      });
    }

    it('says whose fault a 401 is, and what a builder without a key lacks', async () => {
      replies = [{ status: 401, body: 'no' }];
      expect((await place.skep(['build', ...args()])).stdout).to.contain('is the --payload-secret the one');
      place.write('token', 'hush');
      place.write(
        'stack.yaml',
        'provider: {name: openfaas}\nfunctions:\n  hello: {lang: mine, handler: ./hello, image: r.example/hello, build_secrets: {token: ./token}}\n',
      );
      replies = [{ status: 404, body: 'GET /publickey needs the secret builder-key' }];
      const ran = await place.skep(['build', ...args()]);
      expect(ran.stdout).to.contain('no key to seal').and.to.contain('builder-key');
      expect(ran.exitCode).to.equal(1);
    });

    it('names a build secret whose file is missing', async () => {
      place.write(
        'stack.yaml',
        'provider: {name: openfaas}\nfunctions:\n  hello: {lang: mine, handler: ./hello, image: r.example/hello, build_secrets: {token: ./none}}\n',
      );
      const ran = await place.skep(['build', ...args()]);
      expect(ran.stdout).to.contain('stack.yaml').and.to.contain('./none');
      expect(paths).to.deep.equal([]);
    });
  });
});
