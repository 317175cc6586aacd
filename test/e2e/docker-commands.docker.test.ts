import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { docker, emptyFolder, type Folder, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const PREFIX = 'e2e-dc';
const NAMESPACE = 'openfaas-fn';

interface Status {
  readonly name: string;
  readonly image: string;
  readonly envProcess?: string;
  readonly envVars?: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly constraints?: readonly string[];
  readonly secrets?: readonly string[];
  readonly limits?: { readonly memory?: string; readonly cpu?: string };
  readonly replicas: number;
  readonly availableReplicas: number;
  /** Told of a single function alone. */
  readonly rollout?: unknown;
}

/** Whoever knows Swarm's own commands may use them: what runs is what the API tells, and the API works on. */
describe('functions under Swarm’s own commands', function () {
  this.timeout(120_000);
  let platform: Platform;
  let image: string;

  before(async () => {
    platform = await openPlatform();
    image = await platform.exampleImage();
  });

  const command = async (...args: string[]): Promise<string> =>
    succeeded(`docker ${args.join(' ')}`, await docker(...args)).stdout.trim();
  const api = async (method: string, path: string, json?: unknown): Promise<number> =>
    (await platform.request(path, { method, json })).status;
  const read = async (name: string): Promise<Status> => {
    const answer = await platform.request(`/system/function/${name}`);
    expect(answer.status, `reading ${name}`).to.equal(200);
    return (await answer.json()) as Status;
  };
  const listed = async (name: string): Promise<Status | undefined> => {
    const all = (await (await platform.request('/system/functions')).json()) as Status[];
    return all.find((each) => each.name === name);
  };
  const call = async (name: string): Promise<string> => {
    const answer = await fetch(`${platform.url}/function/${name}`, { method: 'POST', body: 'Ada' });
    return `${answer.status} ${await answer.text()}`;
  };
  const untilRuns = (name: string, replicas: number): Promise<void> =>
    until(`${replicas} replicas of ${name}`, async () => {
      const status = await read(name);
      return status.replicas === replicas && status.availableReplicas === replicas;
    });
  const untilUpdated = (service: string): Promise<void> =>
    until(`the update of ${service}`, async () => {
      const state = await command(
        'service',
        'inspect',
        '-f',
        '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}',
        service,
      );
      return state === '' || /completed/.test(state);
    });

  describe('deployed by the API', () => {
    const name = `${PREFIX}-fn`;
    const secret = `${PREFIX}-key`;
    const otherImage = `skep-${PREFIX}/other:1`;
    const sent = () => ({
      service: name,
      image,
      envVars: { colour: 'blue', cgi_response: 'false' },
      labels: { mine: 'x', 'com.openfaas.scale.max': '3' },
      annotations: { note: 'a\nb' },
      limits: { memory: '128Mi' },
    });

    beforeEach(async () => {
      await api('POST', '/system/secrets', { name: secret, value: 'hush' });
      expect(await api('POST', '/system/functions', sent())).to.equal(202);
      await untilRuns(name, 1);
    });
    afterEach(async () => {
      await api('DELETE', '/system/functions', { functionName: name });
      expect(await api('DELETE', '/system/secrets', { name: secret })).to.equal(202);
      await docker('image', 'rm', otherImage);
    });

    /** The API goes on with it: read as in the list, called, scaled, and set back to what was sent. */
    const goesOn = async (): Promise<void> => {
      const { availableReplicas: _, rollout: __, ...status } = await read(name);
      expect(await listed(name)).to.deep.include(status);
      await until('an answer', async () => (await call(name)).startsWith('200 '));
      expect(await api('POST', `/system/scale-function/${name}`, { replicas: 2 })).to.equal(202);
      expect((await read(name)).replicas).to.equal(2);
      expect(await api('PUT', '/system/functions', sent())).to.equal(202);
      const {
        image: isImage,
        envVars,
        labels,
        annotations,
        limits,
        constraints,
        secrets,
        replicas,
      } = await read(name);
      expect({ isImage, envVars, annotations, limits, constraints, secrets, replicas }).to.deep.equal({
        isImage: image,
        envVars: sent().envVars,
        annotations: sent().annotations,
        limits: sent().limits,
        constraints: undefined,
        secrets: undefined,
        replicas: 2,
      });
      expect(labels).to.include(sent().labels).and.to.not.have.property('added');
      await until('an answer', async () => (await call(name)).startsWith('200 '));
    };

    it('and scaled by `docker service scale`', async () => {
      await command('service', 'scale', '-d', `${name}=2`);
      await untilRuns(name, 2);
      await goesOn();
    });

    it('and scaled beyond its maximum, which stands until it is deployed again', async () => {
      await command('service', 'scale', '-d', `${name}=4`);
      expect((await read(name)).replicas).to.equal(4);
      expect(await api('PUT', '/system/functions', sent())).to.equal(202);
      expect((await read(name)).replicas).to.equal(3);
    });

    it('and given variables', async () => {
      await command('service', 'update', '-d', '--env-add', 'colour=red', '--env-add', 'size=l=xl', name);
      expect((await read(name)).envVars).to.deep.equal({ ...sent().envVars, colour: 'red', size: 'l=xl' });
      await command('service', 'update', '-d', '--env-rm', 'colour', '--env-rm', 'size', name);
      expect((await read(name)).envVars).to.deep.equal({ cgi_response: 'false' });
      await goesOn();
    });

    it('and given another process', async () => {
      await command('service', 'update', '-d', '--env-add', 'fprocess=cat', name);
      const { envProcess, envVars } = await read(name);
      expect({ envProcess, envVars }).to.deep.equal({ envProcess: 'cat', envVars: sent().envVars });
      await untilUpdated(name);
      await until('the new process', async () => (await call(name)) === '200 Ada');
      await goesOn();
    });

    it('and given another image', async () => {
      await command('tag', image, otherImage);
      await command('service', 'update', '-d', '--no-resolve-image', '--image', otherImage, name);
      expect((await read(name)).image).to.equal(otherImage);
      await goesOn();
    });

    it('and given limits, constraints and labels', async () => {
      await command(
        ...['service', 'update', '-d', '--limit-memory', '64M', '--limit-cpu', '0.5'],
        ...[
          '--reserve-memory',
          '8M',
          '--constraint-add',
          'node.role==manager',
          '--label-add',
          'added=y',
          name,
        ],
      );
      const { limits, constraints, labels, annotations } = await read(name);
      expect(limits).to.deep.equal({ memory: '67108864', cpu: '500m' });
      expect(constraints).to.deep.equal(['node.role==manager']);
      expect(labels).to.include({ ...sent().labels, added: 'y', faas_function: name });
      expect(annotations).to.deep.equal(sent().annotations);
      await goesOn();
    });

    it('and given a secret', async () => {
      const format = ['--format', '{{.Name}}'];
      const source = await command('secret', 'ls', ...format, '--filter', `label=skep.secret=${secret}`);
      const mount = `source=${source},target=/var/openfaas/secrets/${secret}`;
      await command('service', 'update', '-d', '--secret-add', mount, name);
      expect((await read(name)).secrets).to.deep.equal([secret]);
      await goesOn();
    });

    it('and taken back by `docker service rollback`', async () => {
      expect(await api('PUT', '/system/functions', { ...sent(), envVars: { colour: 'green' } })).to.equal(
        202,
      );
      await untilUpdated(name);
      expect((await read(name)).envVars).to.deep.equal({ colour: 'green' });
      await command('service', 'rollback', '-d', name);
      expect((await read(name)).envVars).to.deep.equal(sent().envVars);
      await until('the end of the rollback', async () => {
        const format = '{{.UpdateStatus.State}}';
        return (await command('service', 'inspect', '-f', format, name)) === 'rollback_completed';
      });
      await goesOn();
    });

    it('and restarted by `docker service update --force`', async () => {
      await command('service', 'update', '-d', '--force', name);
      expect((await read(name)).envVars).to.deep.equal(sent().envVars);
      await goesOn();
    });

    it('and removed by `docker service rm`', async () => {
      await command('service', 'rm', name);
      expect(await api('GET', `/system/function/${name}`)).to.equal(404);
      expect(await listed(name)).to.equal(undefined);
      await until('the end of the calls', async () => (await call(name)).startsWith('404 '));
      expect(await api('PUT', '/system/functions', sent())).to.equal(404);
      expect(await api('POST', '/system/functions', sent())).to.equal(202);
      await untilRuns(name, 1);
    });
  });

  it('keeps out a service of that name that is no function, and never touches it', async () => {
    const name = `${PREFIX}-stranger`;
    await command(
      ...['service', 'create', '-d', '-q', '--name', name, '--network', 'skep-functions'],
      ...['--endpoint-mode', 'dnsrr', '--env', 'fprocess=cat', '--no-resolve-image', image],
    );
    try {
      const before = await command('service', 'inspect', '-f', '{{.Version.Index}} {{json .Spec}}', name);
      const answers = await Promise.all([
        platform.request('/system/functions', { method: 'POST', json: { service: name, image } }),
        platform.request('/system/functions', { method: 'PUT', json: { service: name, image } }),
        platform.request('/system/functions', { method: 'DELETE', json: { functionName: name } }),
        platform.request(`/system/scale-function/${name}`, { method: 'POST', json: { replicas: 3 } }),
        platform.request(`/system/function/${name}`),
      ]);
      for (const answer of answers) {
        expect(answer.status).to.equal(400);
        expect(await answer.text()).to.equal(
          `Not a function: ${name} is a Swarm service of somebody else's\n`,
        );
      }
      expect(await api('GET', `/system/logs?name=${name}`)).to.be.oneOf([400, 404]);
      expect(await listed(name)).to.equal(undefined);
      expect(await call(name)).to.match(/^404 /);
      const after = await command('service', 'inspect', '-f', '{{.Version.Index}} {{json .Spec}}', name);
      // Its own tasks move the version on; what it is must not change.
      expect(after.slice(after.indexOf(' '))).to.equal(before.slice(before.indexOf(' ')));
    } finally {
      await command('service', 'rm', name);
    }
  });

  describe('declared in a stack file', () => {
    const stack = `${PREFIX}-stack`;
    const name = `${PREFIX}-stacked`;
    const service = `${stack}_worker`;
    let folder: Folder;

    const stackFile = (colour: string): string => {
      const path = join(folder.path, 'stack.yml');
      const declared = {
        version: '3.8',
        services: {
          worker: {
            image,
            environment: { fprocess: 'cat', cgi_response: 'false', colour },
            networks: ['functions'],
            deploy: {
              endpoint_mode: 'dnsrr',
              replicas: 1,
              labels: { 'com.openfaas.function': name, 'com.openfaas.scale.max': '4', mine: 'x' },
              resources: { limits: { memory: '64M' } },
            },
          },
          beside: {
            image,
            environment: { fprocess: 'cat' },
            networks: ['functions'],
            deploy: { endpoint_mode: 'dnsrr', replicas: 0 },
          },
        },
        networks: { functions: { external: true, name: 'skep-functions' } },
      };
      writeFileSync(path, JSON.stringify(declared)); // YAML, too
      return path;
    };
    const deploy = (colour: string): Promise<string> =>
      command('stack', 'deploy', '--resolve-image', 'never', '-c', stackFile(colour), stack);

    beforeEach(async () => {
      folder = emptyFolder();
      await deploy('blue');
      await untilRuns(name, 1);
    });
    afterEach(async () => {
      await docker('stack', 'rm', stack);
      await docker('service', 'rm', service);
      folder.remove();
      await until(
        'the end of the stack',
        async () => !(await command('ps', '--format', '{{.Names}}')).includes(stack),
      );
    });

    it('are listed and read as what they are, called, and have logs', async () => {
      const status = await read(name);
      expect(status).to.deep.include({
        image,
        envProcess: 'cat',
        envVars: { cgi_response: 'false', colour: 'blue' },
        limits: { memory: '67108864' },
        annotations: {},
        replicas: 1,
      });
      expect(status.labels).to.include({ mine: 'x', 'com.openfaas.scale.max': '4', faas_function: name });
      const { availableReplicas: _, rollout: __, ...rest } = status;
      expect(await listed(name)).to.deep.include(rest);
      expect((await listed(`${stack}_beside`)) ?? (await listed('beside'))).to.equal(undefined);
      await until('an answer', async () => (await call(name)) === '200 Ada');
      expect(await call(`${name}.${NAMESPACE}`)).to.equal('200 Ada');
      expect(await api('GET', `/system/logs?name=${name}`)).to.equal(200);
    });

    it('are not made a second time', async () => {
      const answer = await platform.request('/system/functions', {
        method: 'POST',
        json: { service: name, image },
      });
      expect([answer.status, answer.headers.get('x-skep-error')]).to.deep.equal([409, 'function_exists']);
      expect(await command('service', 'ls', '-q', '--filter', `name=${name}`)).to.equal('');
    });

    it('are scaled, and keep it when they are deployed by the API', async () => {
      expect(await api('POST', `/system/scale-function/${name}`, { replicas: 2 })).to.equal(202);
      await untilRuns(name, 2);
      const envVars = { cgi_response: 'false', colour: 'red' };
      const sent = { service: name, image, envProcess: 'cat', envVars };
      expect(await api('PUT', '/system/functions', sent)).to.equal(202);
      expect(await read(name)).to.deep.include({ envVars, replicas: 2 });
      await untilUpdated(service);
      await until('an answer', async () => (await call(name)) === '200 Ada');
      expect(await command('service', 'ls', '--filter', `name=${name}`, '-q')).to.equal('');
    });

    it('stay of their stack when they are deployed by the API, and the stack can be deployed and removed again', async () => {
      expect(await api('PUT', '/system/functions', { service: name, image, envProcess: 'cat' })).to.equal(
        202,
      );
      expect(await command('stack', 'services', '-q', '--filter', `name=${service}`, stack)).to.not.equal('');
      await untilUpdated(service);
      await deploy('green');
      expect((await read(name)).envVars).to.deep.equal({ cgi_response: 'false', colour: 'green' });
      await untilUpdated(service);
      await until('an answer', async () => (await call(name)) === '200 Ada');
      await command('stack', 'rm', stack);
      expect(await api('GET', `/system/function/${name}`)).to.equal(404);
    });

    it('sleep and are woken by a call', async () => {
      expect(await api('POST', `/system/scale-function/${name}`, { replicas: 0 })).to.equal(202);
      await untilRuns(name, 0);
      expect(await call(name)).to.equal('200 Ada');
      expect((await read(name)).replicas).to.equal(1);
    });

    it('are deleted by the API, and nothing else of their stack', async () => {
      expect(await api('DELETE', '/system/functions', { functionName: name })).to.equal(202);
      expect(await api('GET', `/system/function/${name}`)).to.equal(404);
      expect(await command('stack', 'services', '--format', '{{.Name}}', stack)).to.equal(`${stack}_beside`);
    });
  });
});
