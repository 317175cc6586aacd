import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { importWebImage } from '../provider-contract/open-swarm.ts';
import { PAYLOAD_SECRET, startBuildingGateway } from '../support/building-gateway.ts';
import { emptyFolder, type Folder, type Ran, run } from '../support/cli.ts';
import type { RunningControlPlane } from '../support/control-plane.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const FAAS_CLI = process.env['FAAS_CLI'] ?? '';
const SKEP_MAIN = new URL('../../cli/main.ts', import.meta.url).pathname;
const BASE = 'skep-remote-builder/base:latest';

/** The same commands by both clients, against one builder. */
const CLIENTS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['skep', [process.execPath, SKEP_MAIN]],
  ['faas-cli', FAAS_CLI === '' ? [] : [FAAS_CLI]],
];

describe('a remote builder', function () {
  this.timeout(60_000);
  const docker = connectEngine(process.env);
  let gateway: RunningControlPlane;
  let registry: Registry;
  let folder: Folder;

  before(async () => {
    await importWebImage(docker, BASE);
    registry = await startRegistry();
    gateway = await startBuildingGateway({ docker });
  });
  after(async () => {
    await gateway.close();
    const { stdout } = await run('docker', ['images', '-q', '--filter', `reference=${registry.host}/*/*`], {
      folder: '.',
      stdin: '',
    });
    for (const id of new Set([BASE, ...stdout.split('\n')].filter((each) => each !== ''))) {
      await docker
        .getImage(id)
        .remove({ force: true })
        .catch(() => {}); // of several names of one image
    }
    await registry.stop();
  });
  beforeEach(() => {
    folder = emptyFolder();
    write('payload-secret', `${PAYLOAD_SECRET}\n`);
    write('template/dockerfile/template.yml', 'language: dockerfile\n'); // faas-cli would look for it in a store
  });
  afterEach(() => folder.remove());

  const write = (path: string, text: string): void => {
    mkdirSync(join(folder.path, path, '..'), { recursive: true });
    writeFileSync(join(folder.path, path), text);
  };
  const stack = (name: string, more: object = {}): void => {
    write(`${name}/Dockerfile`, `FROM ${BASE}\nARG WHOM\nCOPY greeting /greeting\nRUN echo "to $WHOM"\n`);
    write(`${name}/greeting`, 'hello');
    write(
      'stack.yaml',
      JSON.stringify({
        version: '1.0',
        provider: { name: 'openfaas', gateway: gateway.url },
        functions: {
          [name]: {
            lang: 'dockerfile',
            handler: `./${name}`,
            image: `${registry.host}/remote/${name}:1`,
            build_args: { WHOM: name }, // another for each client: what is cached says nothing
            ...more,
          },
        },
      }),
    );
  };

  for (const [client, command] of CLIENTS) {
    const suite = command.length > 0 ? describe : describe.skip;
    suite(command.length > 0 ? client : `${client} (skipped: set FAAS_CLI to its executable)`, () => {
      const does = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
        run(command[0] ?? '', [...command.slice(1), ...args], {
          folder: folder.path,
          stdin: '',
          env: { OPENFAAS_CONFIG: join(folder.path, '.config'), ...env },
        });
      const publish = (...more: string[]): Promise<Ran> =>
        does(['publish', '--remote-builder', gateway.url, '--payload-secret', 'payload-secret', ...more]);
      const told = ({ stdout, stderr }: Ran): string => stdout + stderr;

      it('publishes: built there, pushed from there, told line by line', async () => {
        stack(`by-${client}`);
        const ran = await publish();
        expect(ran.exitCode, told(ran)).to.equal(0);
        expect(told(ran)).to.include(`to by-${client}`);
        expect(await registry.tags(`remote/by-${client}`)).to.deep.equal(['1']);
      });

      it('is told of a build that fails', async () => {
        stack(`by-${client}`);
        write(`by-${client}/Dockerfile`, `FROM ${BASE}\nRUN ["sh", "-c", "exit 9"]\n`);
        const ran = await publish();
        expect(ran.exitCode, told(ran)).to.equal(1);
        expect(told(ran)).to.include('non-zero code: 9');
      });

      it('is told that images for several platforms are made elsewhere', async () => {
        stack(`by-${client}`);
        const ran = await publish('--platforms', 'linux/amd64,linux/arm64');
        expect(ran.exitCode, told(ran)).to.equal(1);
        expect(told(ran)).to.include('one platform at a time').and.to.include('docker manifest create');
      });

      it('is refused with another payload secret', async () => {
        stack(`by-${client}`);
        write('payload-secret', 'guessed');
        const ran = await publish();
        expect(ran.exitCode, told(ran)).to.equal(1);
        expect(told(ran)).to.match(/signature|401/);
      });

      it('sends build secrets that the builder opens, and is told that its engine has no use for them', async () => {
        stack(`by-${client}`, { build_secrets: { token: './token' } });
        write('token', 'hush-hush');
        const ran = await publish();
        expect(ran.exitCode, told(ran)).to.equal(1);
        expect(told(ran)).to.include('BuildKit').and.not.to.include('hush-hush');
      });

      it('seals and opens what the other one opens and sealed', async () => {
        const [, other = []] = CLIENTS.find(([name]) => name !== client) ?? [];
        if (other.length === 0) return;
        const theirs = (args: readonly string[]): Promise<Ran> =>
          run(other[0] ?? '', [...other.slice(1), ...args], { folder: folder.path, stdin: '' });
        write('bytes', 'line\n');
        expect((await does(['secret', 'keygen'])).exitCode).to.equal(0);
        const literal = ['--from-literal', 'a=1=2', '--from-file', 'b=bytes'];
        expect((await does(['secret', 'seal', 'key.pub', ...literal])).exitCode).to.equal(0);
        expect((await theirs(['secret', 'unseal', 'key', '--key', 'b'])).stdout).to.equal('line\n');
        expect((await theirs(['secret', 'unseal', 'key', '--key', 'a'])).stdout).to.equal('1=2');
        expect(readFileSync(join(folder.path, 'com.openfaas.secrets'), 'utf8')).not.to.include('line');
      });
    });
  }
});
