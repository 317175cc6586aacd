import { expect } from 'chai';
import { describeTour } from './tour.ts';

const NAME = 'clients-stored';

describeTour('store', (tour) => {
  let store: Bun.Server<undefined>;
  let image: string;

  before(async () => {
    image = await tour().platform.exampleImage();
    const catalog = {
      version: '0.2.1',
      functions: [
        {
          title: 'A Stored Function',
          name: NAME,
          author: 'clients',
          description: 'Greets whom the body names.',
          images: { x86_64: image, arm64: image },
          fprocess: 'bun index.js',
          repo_url: 'https://example.com/clients',
          icon: '',
          environment: { STORED: 'yes' },
          labels: { stored: 'label' },
          annotations: { stored: 'annotation' },
          readOnlyRootFilesystem: true,
        },
      ],
    };
    store = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json(catalog) });
    await tour().removeFunctions([NAME, 'clients-renamed']);
  });
  after(async () => {
    await tour().removeFunctions([NAME, 'clients-renamed']);
    await store.stop(true);
  });

  const url = (): string => `--url=http://127.0.0.1:${store.port}/functions.json`;

  it('lists and describes what a store file holds', async () => {
    expect(await tour().does(['store', 'list', url()])).to.match(
      new RegExp(`^FUNCTION +AUTHOR +DESCRIPTION\n${NAME} +clients +A Stored Function$`, 'm'),
    );
    expect(await tour().does(['store', 'describe', NAME, url()])).to.match(new RegExp(`Image: +${image}`));
  });

  it('deploys one of it with all that the store says, and what the flags add', async () => {
    const said = await tour().does(['store', 'deploy', NAME, url(), '--label', 'mine=too']);
    expect(said).to.contain('Deployed. 202 Accepted.');
    await tour().does(['ready', NAME]);
    const status = (await (await tour().platform.request(`/system/function/${NAME}`)).json()) as Record<
      string,
      unknown
    >;
    expect(status).to.deep.include({
      image,
      envProcess: 'bun index.js',
      envVars: { STORED: 'yes' },
      annotations: { stored: 'annotation' },
      readOnlyRootFilesystem: true,
    });
    expect(status['labels']).to.include({ stored: 'label', mine: 'too' });
    expect(await tour().does(['invoke', NAME], { stdin: 'Ada' })).to.contain('Hello, Ada!');
  });

  it('deploys it under another name, with the store in the environment', async () => {
    const env = { OPENFAAS_STORE: `http://127.0.0.1:${store.port}/functions.json` };
    const said = await tour().does(['store', 'deploy', 'A Stored Function', '--name', 'clients-renamed'], {
      env,
    });
    expect(said).to.contain('/function/clients-renamed');
    expect(await tour().does(['list', '--quiet'])).to.match(/^clients-renamed$/m);
  });
});
