import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describeTour } from './tour.ts';

const NAMESPACE = 'clients-space';
const NAME = 'clients-spaced';
const STACK = (image: string): string => `version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  ${NAME}:
    lang: dockerfile
    handler: ./none
    image: ${image}
    fprocess: bun index.js
    namespace: ${NAMESPACE}
`;

describeTour('namespaces', (tour) => {
  const clear = async (): Promise<void> => {
    await tour().removeFunctions([NAME]);
    await tour().removeFunctions([NAME], NAMESPACE);
    await tour().faas(['secret', 'remove', NAME, '--namespace', NAMESPACE]);
    await tour().faas(['namespace', 'remove', NAMESPACE]);
  };
  before(clear);
  after(clear);

  const list = async (): Promise<string[]> =>
    (await tour().does(['namespace', 'list'])).trimEnd().split('\n');

  it('creates one with labels and annotations', async () => {
    const said = await tour().does([
      ...['namespace', 'create', NAMESPACE, '--label', 'team=blue', '--annotation', 'note=a b'],
    ]);
    expect(said).to.equal(`Creating Namespace: ${NAMESPACE}\nNamespace Created: ${NAMESPACE}\n`);
  });

  it('lists it beside the default', async () => {
    const [title, ...names] = await list();
    expect(title).to.equal('Namespaces:');
    expect(names).to.include.members([' - openfaas-fn', ` - ${NAMESPACE}`]);
  });

  it('reads it', async () => {
    const said = await tour().does(['namespace', 'get', NAMESPACE]);
    const [head, labels = '', annotations = ''] = said.split(/Labels:\n|Annotations:\n/);
    expect(head).to.equal(`Name: ${NAMESPACE}\n`);
    // In any order: it prints a Go map.
    expect(labels.trimEnd().split('\n')).to.have.members([' openfaas: 1', ' team: blue']);
    expect(annotations.trimEnd().split('\n')).to.have.members([' openfaas: 1', ' note: a b']);
  });

  it('updates it', async () => {
    const said = await tour().does(['namespace', 'update', NAMESPACE, '--label', 'team=red']);
    expect(said).to.contain(`Namespace Updated: ${NAMESPACE}`);
    expect(await tour().does(['namespace', 'get', NAMESPACE])).to.contain(' team: red\n');
  });

  it('is refused a second one of the name', async () => {
    const said = await tour().refuses(['namespace', 'create', NAMESPACE]);
    expect(said).to.match(/409.*exists already/);
  });

  it('deploys a stack file into it, apart from the function of the same name in the default namespace', async () => {
    const image = await tour().platform.exampleImage();
    writeFileSync(join(tour().folder.path, 'spaced.yaml'), STACK(image));
    await tour().does(['deploy', '--image', image, '--name', NAME, '--label', 'where=default']);
    const said = await tour().does(['deploy', '-f', 'spaced.yaml', '--label', 'where=here']);
    expect(said).to.contain(`URL: ${tour().platform.url}/function/${NAME}.${NAMESPACE}\n`);
    const described = async (...args: string[]): Promise<string> =>
      (await tour().does(['describe', NAME, ...args])).split('Labels:')[1] ?? '';
    expect(await described()).to.contain('where: default');
    expect(await described('--namespace', NAMESPACE)).to.contain('where: here');
    expect(await tour().does(['list', '--quiet', '--namespace', NAMESPACE])).to.equal(`${NAME}\n`);
  });

  it('is ready, is invoked, and has a log there', async () => {
    await tour().does(['ready', NAME, '--namespace', NAMESPACE]);
    const hello = JSON.parse(
      await tour().does(['invoke', NAME, '-n', NAMESPACE], { stdin: 'Ada' }),
    ) as unknown;
    expect(hello).to.deep.equal({ greeting: 'Hello, Ada!', letters: 3 });
    const [line = ''] = (
      await tour().does(['logs', NAME, '--namespace', NAMESPACE, '--tail=false', '--json'])
    ).split('\n');
    expect(JSON.parse(line)).to.include({ name: NAME, namespace: NAMESPACE });
  });

  it('keeps its secrets apart', async () => {
    await tour().does(['secret', 'create', NAME, '--from-literal=x', '--namespace', NAMESPACE]);
    expect(await tour().does(['secret', 'list', '--namespace', NAMESPACE])).to.equal(`\nNAME\n${NAME}\n\n`);
    expect(await tour().does(['secret', 'list'])).to.not.contain(NAME);
    await tour().does(['secret', 'remove', NAME, '--namespace', NAMESPACE]);
    expect(await tour().does(['secret', 'list', '--namespace', NAMESPACE])).to.contain('No secrets found.');
  });

  it('is refused to remove it with a function in it', async () => {
    expect(await tour().refuses(['namespace', 'remove', NAMESPACE])).to.contain(NAME);
  });

  it('removes the function there, not the other, and then the namespace', async () => {
    expect(await tour().does(['remove', '-f', 'spaced.yaml'])).to.contain(`Deleting: ${NAME}.${NAMESPACE}`);
    await tour().does(['describe', NAME]);
    expect(await tour().does(['namespace', 'remove', NAMESPACE])).to.contain(
      `Namespace Removed: ${NAMESPACE}`,
    );
    expect(await list()).to.not.include(` - ${NAMESPACE}`);
    expect(await tour().refuses(['namespace', 'get', NAMESPACE])).to.contain(
      `Namespace ${NAMESPACE} not found`,
    );
  });
});
