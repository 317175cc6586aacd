import { chmodSync, copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { docker, emptyFolder, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

/** What an image of OpenFaaS's templates carries in the place of our watchdog, and the rest of it as its templates have it. */
interface ExistingImage {
  readonly name: string;
  /** Names the executable of the original watchdog; it is no part of this repository. */
  readonly variable: string;
  readonly dockerfile: string;
  readonly files?: Readonly<Record<string, string>>;
  /** What it answers to a POST of `ping`. */
  readonly answer: string;
  /** How it tells that it takes calls, where that is more than its watchdog's health. */
  readonly ready?: { readonly envVars: object; readonly annotations: object };
}

const TAIL = `
USER nobody
EXPOSE 8080
HEALTHCHECK --interval=3s CMD [ -e /tmp/.lock ] || exit 1
CMD ["fwatchdog"]
`;

const IMAGES: readonly ExistingImage[] = [
  {
    name: 'e2e-existing-classic',
    variable: 'PEER_CLASSIC_WATCHDOG',
    dockerfile: `FROM debian:bookworm-slim
COPY fwatchdog /usr/bin/fwatchdog
COPY answer /usr/bin/answer
ENV fprocess="answer" write_debug="false" combine_output="false" healthcheck_interval="1s"${TAIL}`,
    files: {
      answer:
        '#!/bin/sh\necho "called $Http_Method $Http_Path $Http_Query" >&2\nprintf "%s %s %s|" "$Http_Method" "$Http_Path" "$Http_Query"\ncat /var/openfaas/secrets/e2e-existing 2>/dev/null || printf "$word"\nprintf "|"\nexec cat\n',
    },
    answer: 'POST /deep a=1|word|ping',
  },
  {
    name: 'e2e-existing-of-http',
    variable: 'PEER_OF_WATCHDOG',
    dockerfile: `FROM node:22-bookworm-slim
COPY fwatchdog /usr/bin/fwatchdog
WORKDIR /home/app
COPY index.js .
ENV mode="http" fprocess="node index.js" upstream_url="http://127.0.0.1:3000" \\
  exec_timeout="10s" write_timeout="15s" read_timeout="15s" prefix_logs="false"${TAIL}`,
    files: {
      'index.js': `const { createServer } = require('node:http');
const { readFileSync } = require('node:fs');
createServer((request, response) => {
  const { method, url } = request;
  let word = process.env.word;
  try { word = readFileSync('/var/openfaas/secrets/e2e-existing', 'utf8'); } catch {}
  console.error('called', method, url);
  response.setHeader('X-Made-By', 'node');
  response.write(\`\${method} \${url.replace('?', ' ')}|\${word}|\`);
  request.pipe(response);
}).listen(3000);
`,
    },
    answer: 'POST /deep a=1|word|ping',
    ready: { envVars: { ready_path: '/' }, annotations: { 'com.openfaas.ready.http.path': '/_/ready' } },
  },
];

const MODES: ExistingImage = {
  name: 'e2e-existing-of-modes',
  variable: 'PEER_OF_WATCHDOG',
  dockerfile: `FROM debian:bookworm-slim
COPY fwatchdog /usr/bin/fwatchdog
COPY answer /usr/bin/answer
COPY page.txt /srv/
ENV fprocess="answer"${TAIL}`,
  files: { answer: '#!/bin/sh\nprintf "called|"\nexec cat\n', 'page.txt': 'a page\n' },
  answer: '',
};

for (const image of IMAGES) {
  describe(`an image with the original watchdog (${image.variable}), ${image.name}`, function () {
    this.timeout(180_000);
    let platform: Platform;
    let fn: ExistingFunction | undefined;
    const deploy = (fields: {
      readonly envVars?: object;
      readonly secrets?: readonly string[];
    }): Promise<void> =>
      opened(fn).deploy({
        ...image.ready,
        ...fields,
        envVars: { ...image.ready?.envVars, ...fields.envVars },
      });
    const call = (): Promise<Answered> => opened(fn).call('/deep?a=1');

    before(async function () {
      const watchdog = watchdogOf(this, image.variable);
      platform = await openPlatform();
      fn = new ExistingFunction(platform, image.name);
      await fn.remove();
      await build(image, watchdog);
    });
    after(() => fn?.removeAll());

    it('is deployed and answers, with its method, path, query, body and environment', async () => {
      await deploy({ envVars: { word: 'word' } });
      expect(await call()).to.deep.equal({ status: 200, text: image.answer });
    });

    it('reads its secrets', async () => {
      const json = { name: 'e2e-existing', value: 'secret' };
      const made = await platform.request('/system/secrets', { method: 'POST', json });
      expect(made.status).to.be.oneOf([201, 409]);
      await deploy({ secrets: ['e2e-existing'] });
      expect((await call()).text).to.equal(image.answer.replace('word', 'secret'));
    });

    it('tells its log', async () => {
      await until('the line', async () => {
        const response = await platform.request(`/system/logs?name=${image.name}`);
        return /called POST \/deep/.test(await response.text());
      });
    });

    it('loses no call while another version takes its place', async () => {
      const statuses: number[] = [];
      let isDone = false;
      const calls = (async () => {
        while (!isDone) statuses.push((await call()).status);
      })();
      await deploy({ envVars: { word: 'other' } });
      await until('answers of the new version', async () => (await call()).text.includes('|other|'));
      isDone = true;
      await calls;
      expect(new Set(statuses)).to.deep.equal(new Set([200]));
    });

    it('sleeps, and wakes for a call', async () => {
      await opened(fn).scale(0);
      // A replica that is told to stop serves on until it has stopped.
      const ofFunction = `label=com.docker.swarm.service.name=${image.name}`;
      await until('no container', async () => {
        return (await docker('ps', '-q', '--filter', ofFunction)).stdout === '';
      });
      expect((await call()).status).to.equal(200);
    });

    it('is called asynchronously', async () => {
      const accepted = await fetch(`${platform.url}/async-function/${image.name}/deep?a=1`, {
        method: 'POST',
        body: 'later',
      });
      expect(accepted.status).to.equal(202);
      const id = accepted.headers.get('x-call-id');
      const result = await platform.request(`/system/calls/${id}/result?wait=60s`);
      expect(result.status).to.equal(200);
      expect(await result.text()).to.equal('POST /deep a=1|other|later');
    });
  });
}

describe('an image with the original of-watchdog', function () {
  this.timeout(120_000);
  let fn: ExistingFunction | undefined;

  before(async function () {
    const watchdog = watchdogOf(this, 'PEER_OF_WATCHDOG');
    fn = new ExistingFunction(await openPlatform(), MODES.name);
    await fn.remove();
    await build(MODES, watchdog);
  });
  after(() => fn?.removeAll());

  const modes: readonly [mode: string, envVars: Readonly<Record<string, string>>, answer: Answered][] = [
    ['serializing', {}, { status: 200, text: 'called|ping' }],
    ['static', { static_path: '/srv' }, { status: 200, text: 'a page\n' }],
    ['streaming', { exec_timeout: '500ms', fprocess: 'sleep 10' }, { status: 200, text: '' }],
    ['serializing', { fprocess: 'grep nothing' }, { status: 500, text: 'exit status 1' }],
  ];
  for (const [mode, envVars, answer] of modes) {
    it(`answers in mode ${mode} ${JSON.stringify(envVars)}`, async () => {
      await opened(fn).deploy({ envVars: { mode, ...envVars }, readOnlyRootFilesystem: true });
      expect(await opened(fn).call('/page.txt')).to.deep.equal(answer);
    });
  }
});

/** The function that an image is run as. */
class ExistingFunction {
  readonly #platform: Platform;
  readonly #name: string;

  constructor(platform: Platform, name: string) {
    this.#platform = platform;
    this.#name = name;
  }

  async deploy(fields: object): Promise<void> {
    const response = await this.#platform.request('/system/functions', {
      method: (await this.#isThere()) ? 'PUT' : 'POST',
      json: {
        service: this.#name,
        image: `${this.#name}:test`,
        // The calls of these tests are no load to scale by.
        labels: { 'com.openfaas.scale.factor': '0' },
        ...fields,
      },
    });
    expect(response.status, await response.text()).to.equal(202);
    await until('the roll-out', async () => {
      const read = await this.#platform.request(`/system/function/${this.#name}`);
      return ((await read.json()) as FunctionStatus).rollout?.state === 'done';
    });
  }

  async scale(replicas: number): Promise<void> {
    const path = `/system/scale-function/${this.#name}`;
    const response = await this.#platform.request(path, { method: 'POST', json: { replicas } });
    expect(response.status).to.equal(202);
  }

  async call(path: string): Promise<Answered> {
    const url = `${this.#platform.url}/function/${this.#name}${path}`;
    const response = await fetch(url, { method: 'POST', body: 'ping' });
    return { status: response.status, text: await response.text() };
  }

  async remove(): Promise<void> {
    const json = { functionName: this.#name };
    await this.#platform.request('/system/functions', { method: 'DELETE', json });
    await until('the end of the function', async () => !(await this.#isThere()));
  }

  /** With what these tests made for it. */
  async removeAll(): Promise<void> {
    await this.remove();
    await this.#platform.request('/system/secrets', { method: 'DELETE', json: { name: 'e2e-existing' } });
    await docker('image', 'rm', '--force', `${this.#name}:test`);
  }

  async #isThere(): Promise<boolean> {
    return (await this.#platform.request(`/system/function/${this.#name}`)).status === 200;
  }
}

interface Answered {
  readonly status: number;
  readonly text: string;
}

function opened(fn: ExistingFunction | undefined): ExistingFunction {
  if (fn === undefined) throw new Error('there is no platform');
  return fn;
}

/** Path of the executable that a variable names; without one the test skips. */
function watchdogOf(test: Mocha.Context, variable: string): string {
  const watchdog = process.env[variable] ?? '';
  if (watchdog === '' || !existsSync(watchdog)) {
    console.log(`      skipped: ${variable} names no executable`);
    test.skip();
  }
  return watchdog;
}

async function build({ name, dockerfile, files = {} }: ExistingImage, watchdog: string): Promise<void> {
  const folder = emptyFolder();
  try {
    copyFileSync(watchdog, join(folder.path, 'fwatchdog'));
    writeFileSync(join(folder.path, 'Dockerfile'), dockerfile);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder.path, file), text);
    for (const file of ['fwatchdog', ...Object.keys(files)]) chmodSync(join(folder.path, file), 0o755);
    succeeded('docker build', await docker('build', '-q', '-t', `${name}:test`, folder.path));
  } finally {
    folder.remove();
  }
}
