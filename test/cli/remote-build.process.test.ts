import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { extract } from 'tar-stream';
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
    replies = [];
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        headers = request.headers;
        if (request.url === '/system/build') tars.push(Buffer.concat(chunks));
        const { status, body = '', retryAfter } = replies.shift() ?? { status: 202 };
        response.writeHead(status, retryAfter === undefined ? {} : { 'Retry-After': retryAfter }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    place.remove();
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

  it('refuses flags that only a local engine can follow', async () => {
    const ran = await place.skep(['build', '--remote', '-g', url, '--no-cache']);
    expect(ran.stdout).to.contain('--no-cache cannot be used with --remote');
    expect(tars).to.deep.equal([]);
  });
});
