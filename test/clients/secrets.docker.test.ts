import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/platform.ts';
import { describeTour } from './tour.ts';

const NAME = 'clients-secret';
const READER = 'clients-secret-reader';

describeTour('secrets', (tour) => {
  before(async () => {
    await tour().removeFunctions([READER]);
    for (const name of [NAME, 'clients-applied']) await tour().faas(['secret', 'remove', name]);
  });
  after(async () => {
    await tour().removeFunctions([READER]);
    for (const name of [NAME, 'clients-applied']) await tour().faas(['secret', 'remove', name]);
  });

  const create = (...args: string[]): Promise<string> => tour().does(['secret', 'create', NAME, ...args]);
  const remove = (): Promise<string> => tour().does(['secret', 'remove', NAME]);
  const names = async (): Promise<string[]> => (await tour().does(['secret', 'list'])).trim().split('\n');
  /** Deploys a function that prints the secret. @param version makes this deployment a new one */
  const deployReader = async (version: string): Promise<string> =>
    tour().does([
      ...['deploy', '--name', READER, '--image', await tour().platform.exampleImage(), '--secret', NAME],
      ...['--fprocess', `cat /var/openfaas/secrets/${NAME}`, '--env', 'cgi_response=false'],
      ...['--env', 'healthcheck_interval=1s', '--annotation', `version=${version}`],
    ]);
  const value = async (): Promise<string> => tour().does(['invoke', READER]);

  it('creates one from a literal value, and lists its name alone', async () => {
    const said = await create('--from-literal=first');
    expect(said).to.contain(`Creating secret: ${NAME}.`);
    expect(said).to.contain('Created: 201 Created');
    expect(await names()).to.include.members(['NAME', NAME]);
    const listed = JSON.parse(await tour().does(['secret', 'list', '--json'])) as unknown[];
    expect(listed).to.deep.include({ name: NAME, namespace: 'openfaas-fn' });
  });

  it('says that it exists already; with --replace it is updated', async () => {
    expect(await create('--from-literal=second')).to.contain(`secret with the name "${NAME}" already exists`);
    const said = await create('--from-literal=second', '--replace');
    expect(said).to.contain(`Secret ${NAME} already exists, updating...`);
    expect(said).to.contain('Updated: 200 OK');
  });

  it('updates it', async () => {
    const said = await tour().does(['secret', 'update', NAME, '--from-literal=third']);
    expect(said).to.contain(`Updating secret: ${NAME}`);
    expect(said).to.contain('Updated: 200 OK');
  });

  it('mounts it in a function, which has the newer value after its next deployment', async () => {
    await deployReader('1');
    await tour().does(['ready', READER]);
    expect(await value()).to.equal('third');
    await tour().does(['secret', 'update', NAME, '--from-literal=fourth']);
    expect(await value()).to.equal('third');
    await deployReader('2');
    await until('the new value', async () => (await value()) === 'fourth');
  });

  it('is refused to remove it while a function uses it, with the function’s name', async () => {
    expect(await tour().refuses(['secret', 'remove', NAME])).to.contain(READER);
    await tour().does(['remove', READER]);
    await until(
      'it can be removed',
      async () => (await tour().faas(['secret', 'remove', NAME])).exitCode === 0,
    );
    expect(await names()).to.not.include(NAME);
  });

  for (const [way, args, expected] of [
    ['from a file, byte for byte', ['--from-file', 'value.txt'], ' from a file\n\0ÿ\n'],
    [
      'from a file, also with --trim=false',
      ['--from-file', 'value.txt', '--trim=false'],
      ' from a file\n\0ÿ\n',
    ],
    ['from stdin, without the white space around', [], 'from stdin'],
  ] as const) {
    it(`creates one ${way}`, async () => {
      writeFileSync(join(tour().folder.path, 'value.txt'), ' from a file\n\0ÿ\n');
      await tour().does(['secret', 'create', NAME, ...args], { stdin: 'from stdin\n' });
      await deployReader(way);
      await tour().does(['ready', READER]);
      await until('the value', async () => (await value()) === expected);
      await tour().removeFunctions([READER]);
      await until(
        'it can be removed',
        async () => (await tour().faas(['secret', 'remove', NAME])).exitCode === 0,
      );
    });
  }

  it('applies a folder of them, twice', async () => {
    mkdirSync(join(tour().folder.path, '.secrets'));
    writeFileSync(join(tour().folder.path, '.secrets', 'clients-applied'), 'one');
    await tour().does(['secret', 'apply']);
    expect(await names()).to.include('clients-applied');
    await tour().does(['secret', 'apply']);
    expect(await names()).to.include('clients-applied');
    expect(await tour().does(['secret', 'remove', 'clients-applied'])).to.contain('Removed.. OK.');
  });

  it('is told of one that there is not', async () => {
    expect(await tour().refuses(['secret', 'remove', NAME])).to.contain(`Unable to find secret: ${NAME}`);
    expect(await tour().does(['secret', 'update', NAME, '--from-literal=x'])).to.contain(
      `unable to find secret: ${NAME}`,
    );
  });

  it('removes it', async () => {
    await create('--from-literal=x');
    expect(await remove()).to.contain('Removed.. OK.');
    expect(await names()).to.not.include(NAME);
  });
});
