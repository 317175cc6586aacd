import { expect } from 'chai';
import type { CallList } from '../../contract/call-status.ts';
import { until } from '../support/platform.ts';
import { describeTour } from './tour.ts';

const NAME = 'clients-tour';

describeTour('deploy, list, describe, invoke, remove', (tour) => {
  let image: string;

  before(async () => {
    await tour().removeFunctions([NAME]);
    image = await tour().platform.exampleImage();
  });
  after(() => tour().removeFunctions([NAME]));

  const deploy = (...more: string[]): Promise<string> =>
    tour().does(['deploy', '--image', image, '--name', NAME, ...more]);

  it('deploys an image with everything the flags can say', async () => {
    const said = await deploy(
      ...[
        '--env',
        'K=v',
        '--env',
        'healthcheck_interval=1s',
        '--label',
        'tour=yes',
        '--annotation',
        'note=a: b',
      ],
      ...['--constraint', 'node.platform.os == linux', '--memory-limit', '64Mi', '--cpu-limit', '500m'],
      ...['--memory-request', '16Mi', '--cpu-request', '10m', '--readonly', '--fprocess', 'bun index.js'],
    );
    expect(said).to.equal(`\nDeployed. 202 Accepted.\nURL: ${tour().platform.url}/function/${NAME}\n\n`);
  });

  it('waits until it is ready', async () => {
    expect(await tour().does(['ready', NAME])).to.contain(`Function ${NAME} is ready`);
  });

  it('lists it: with its counts, by name alone, with image and age, as JSON', async () => {
    expect(await tour().does(['list'])).to.match(new RegExp(`^${NAME} +\t\\d+ +\t1 *$`, 'm'));
    expect(await tour().does(['list', '--quiet'])).to.match(new RegExp(`^${NAME}$`, 'm'));
    const today = new Date().toISOString().slice(0, 10);
    expect(await tour().does(['list', '-v', '--sort', 'creation'])).to.match(
      new RegExp(`^${NAME} +\t${image} *\t\\d+ +\t1 +\t\t${today} \\d\\d:\\d\\d:\\d\\d`, 'm'),
    );
    const all = JSON.parse(await tour().does(['list', '--json'])) as { name: string }[];
    expect(all.find(({ name }) => name === NAME)).to.include({
      image,
      namespace: 'openfaas-fn',
      replicas: 1,
    });
  });

  it('describes it as it was deployed', async () => {
    const said = await tour().does(['describe', NAME]);
    const lines = said.split('\n').map((line) => line.trimEnd());
    for (const line of [
      `Name:               ${NAME}`,
      'Status:             Ready',
      'Replicas:           1',
      'Available Replicas: 1',
      `Image:              ${image}`,
      'Function Process:   bun index.js',
      `URL:                ${tour().platform.url}/function/${NAME}`,
      `Async URL:          ${tour().platform.url}/async-function/${NAME}`,
    ]) {
      expect(lines).to.include(line);
    }
    const after = (title: string): string => said.slice(said.indexOf(`\n${title}:`));
    expect(after('Labels')).to.match(/^ tour: yes$/m);
    expect(after('Annotations')).to.match(/^ note: a: b$/m);
    expect(after('Constraints')).to.match(/^ - node\.platform\.os == linux$/m);
    expect(after('Environment')).to.match(/^ K: v$/m);
    expect(after('Requests')).to.match(/^ CPU: 10m\n Memory: 16Mi$/m);
    expect(after('Limits')).to.match(/^ CPU: 500m\n Memory: 64Mi$/m);
  });

  it('describes it as JSON', async () => {
    const said = JSON.parse(await tour().does(['describe', NAME, '--json'])) as Record<string, unknown>;
    expect(said).to.deep.include({
      name: NAME,
      image,
      envVars: { K: 'v', healthcheck_interval: '1s' },
      limits: { memory: '64Mi', cpu: '500m' },
      readOnlyRootFilesystem: true,
      Status: 'Ready',
    });
  });

  // Of the function that `npm run up` deployed: Prometheus has had the time to read its watchdog.
  it('describes what a function uses', async () => {
    await until('its memory and CPU', async () =>
      /^Usage:\n +RAM: +\d+\.\d\d MB\n +CPU: +\d+ Mi$/m.test(await tour().does(['describe', 'hello-ts'])),
    );
  });

  it('invokes it: stdin is the body; method, query, header and type are the caller’s', async () => {
    const hello = { greeting: 'Hello, Ada!', letters: 3 };
    expect(JSON.parse(await tour().does(['invoke', NAME], { stdin: 'Ada' }))).to.deep.equal(hello);
    const query = ['invoke', NAME, '--method', 'GET', '--query', 'name=Ada', '--header', 'X-Tour: yes'];
    expect(JSON.parse(await tour().does(query))).to.deep.equal(hello);
    const json = ['invoke', NAME, '--content-type', 'application/json'];
    expect(JSON.parse(await tour().does(json, { stdin: '{"name":"Ada"}' }))).to.deep.equal(hello);
  });

  it('tells the status and words of a function that refuses', async () => {
    const said = await tour().refuses(['invoke', NAME, '--content-type', 'application/json'], {
      stdin: '[1]',
    });
    expect(said).to.match(/Server returned unexpected status code: 400 - Say one name/);
  });

  it('submits an asynchronous call, which is run', async () => {
    const { stdout, stderr } = await tour().faas(['invoke', NAME, '--async'], { stdin: 'Ada' });
    expect(stdout + stderr).to.contain('Function submitted asynchronously.');
    const path = `/system/calls?function=${NAME}.openfaas-fn&status=succeeded`;
    await until('it was run', async () => {
      const { calls } = (await (await tour().platform.request(path)).json()) as CallList;
      return calls.length > 0;
    });
    const said = await tour().refuses(['invoke', 'tour-nobody', '--async'], { stdin: 'Ada' });
    expect(said).to.contain('404 - error finding function tour-nobody');
  });

  it('deploys it again in place, clearing what is not said again', async () => {
    const { createdAt } = await status();
    expect(await deploy('--label', 'tour=again')).to.contain('Deployed. 202 Accepted.');
    const said = await tour().does(['describe', NAME]);
    expect(said).to.match(/^ tour: again$/m);
    expect(said).to.not.match(/^(Annotations|Constraints|Environment|Requests|Limits):/m);
    expect((await status()).createdAt).to.equal(createdAt);
    await tour().does(['ready', NAME]);
  });

  it('replaces it: removes it, makes it anew, and calls the new one at once', async () => {
    const { createdAt } = await status();
    expect(await deploy('--update=false', '--replace')).to.contain('Deployed. 202 Accepted.');
    expect((await status()).createdAt).to.not.equal(createdAt);
    expect(await tour().does(['invoke', NAME], { stdin: 'Ada' })).to.contain('Hello, Ada!');
  });

  it('is refused a second function of the name, and a function without sense', async () => {
    expect(
      await tour().refuses(['deploy', '--image', image, '--name', NAME, '--update=false', '--replace=false']),
    ).to.match(/Unexpected status: 409, message: .*PUT/);
    expect(
      await tour().refuses(['deploy', '--image', image, '--name', NAME, '--memory-limit', 'lots']),
    ).to.match(/Unexpected status: 400, message: .*limits\.memory/);
    expect(
      await tour().refuses(['deploy', '--image', image, '--name', NAME, '--secret', 'clients-none']),
    ).to.match(/Unexpected status: 400, message: .*clients-none/);
  });

  it('is told of functions that there are not', async () => {
    expect(await tour().refuses(['describe', 'clients-nobody'])).to.contain(
      'No such function: clients-nobody',
    );
    expect(await tour().refuses(['remove', 'clients-nobody'])).to.contain('No existing function to remove');
    expect(await tour().refuses(['invoke', 'clients-nobody'])).to.contain('404');
    expect(await tour().refuses(['ready', 'clients-nobody', '--attempts', '1'])).to.match(/clients-nobody/);
  });

  it('removes it', async () => {
    const said = await tour().does(['remove', NAME]);
    expect(said).to.contain(`Deleting: ${NAME}.`);
    expect(said).to.contain('Removing old function.');
    expect(await tour().does(['list', '--quiet'])).to.not.contain(NAME);
  });

  const status = async (): Promise<{ readonly createdAt: string }> =>
    (await (await tour().platform.request(`/system/function/${NAME}`)).json()) as { createdAt: string };
});
