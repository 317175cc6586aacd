import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { REGISTRY_IMAGES } from '../../scripts/base-images/catalog.ts';
import {
  REGISTRY_CONFIG_FILES,
  REGISTRY_FORWARDER,
  REGISTRY_IMAGE_IDS,
  REGISTRY_SERVICE,
  REGISTRY_VOLUMES,
  registryNode,
  registryPort,
  wantsRegistry,
} from '../../scripts/platform/registry.ts';
import { Problem } from '../../scripts/shell/problem.ts';

const root = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(root, 'registry.yml'), 'utf8');

interface Service {
  readonly image: string;
  readonly networks: readonly string[];
  readonly ports?: unknown;
  readonly volumes: readonly string[];
  readonly logging: { readonly options: Readonly<Record<string, string>> };
  readonly deploy: {
    readonly mode?: string;
    readonly endpoint_mode: string;
    readonly restart_policy: { readonly condition: string };
    readonly resources: { readonly limits: { readonly memory: string } };
  };
}
const stack = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly name: string; readonly external?: boolean }>>;
  readonly volumes: Readonly<Record<string, { readonly name: string }>>;
  readonly configs: Readonly<Record<string, { readonly name: string; readonly file: string }>>;
};
const services = Object.entries(stack.services);

describe('registry.yml', () => {
  for (const [name, service] of services) {
    it(`limits the memory of ${name}, starts it again when it ends, rotates its log, needs no IPVS`, () => {
      expect(service.deploy.resources.limits.memory).to.match(/^\d+M$/);
      expect(service.deploy.restart_policy.condition).to.equal('any');
      expect(service.logging.options['max-size']).to.equal('10m');
      expect(service.deploy.endpoint_mode).to.equal('dnsrr');
    });
  }

  it('publishes no port, and is on a network that nothing else is on', () => {
    for (const [name, { ports }] of services) expect(ports, name).to.equal(undefined);
    expect(stack.networks).to.deep.equal({
      registry: { name: 'skep-registry', driver: 'overlay' },
      host: { name: 'host', external: true },
    });
    const onHost = services.filter(([, { networks }]) => networks.includes('host')).map(([name]) => name);
    expect(onHost).to.deep.equal([REGISTRY_FORWARDER]);
    const host = readFileSync(join(root, 'registry/host.cfg'), 'utf8');
    expect(host).to.match(/^ {2}bind "127\.0\.0\.1:/m);
    // A page of any name that leads to 127.0.0.1 would be taken for one of the registry's own by a browser on the node.
    expect(host).to.match(/^ {2}acl own_name req.hdr\(host\),host_only -i 127\.0\.0\.1 localhost$/m);
    expect(host).to.match(/^ {2}http-request deny .*unless own_name$/m);
  });

  it('has both forwarders on every node', () => {
    const everywhere = services.filter(([, { deploy }]) => deploy.mode === 'global').map(([name]) => name);
    expect(everywhere).to.deep.equal([REGISTRY_FORWARDER, 'registry-overlay']);
    expect(stack.services[REGISTRY_SERVICE]?.deploy.mode).to.equal(undefined);
  });

  it('has a default for every variable, so that `docker stack deploy` needs none', () => {
    for (const [variable] of text.matchAll(/\$\{[^}]*\}/g)) expect(variable).to.match(/^\$\{\w+:-/);
  });

  it('names every config after its content, under a variable that `up` sets', () => {
    const variables = Object.values(stack.configs).map(({ name, file }) => [
      /\$\{(\w+):-manual\}$/.exec(name)?.[1],
      file.replace('./', ''),
    ]);
    expect(Object.fromEntries(variables)).to.deep.equal(REGISTRY_CONFIG_FILES);
    for (const file of Object.values(REGISTRY_CONFIG_FILES))
      expect(existsSync(join(root, file)), file).to.equal(true);
  });

  it('uses exactly the images that base-images provides for it', () => {
    const used = [...new Set(services.map(([, { image }]) => /:-(.*)\}$/.exec(image)?.[1]))];
    expect(used).to.deep.equal(REGISTRY_IMAGES.map(({ name }) => name));
    expect(Object.values(REGISTRY_IMAGE_IDS)).to.deep.equal(used);
    for (const variable of Object.keys(REGISTRY_IMAGE_IDS)) expect(text).to.contain(`\${${variable}:-}`);
  });

  it('has volumes that `down --all` knows', () => {
    expect(Object.values(stack.volumes).map(({ name }) => name)).to.deep.equal(REGISTRY_VOLUMES);
  });
});

describe('the wish for a registry', () => {
  it('is 1 or 0, and nothing else', async () => {
    expect(await wantsRegistry({ SKEP_REGISTRY: '1' })).to.equal(true);
    expect(await wantsRegistry({ SKEP_REGISTRY: '0' })).to.equal(false);
    const refused = await wantsRegistry({ SKEP_REGISTRY: 'yes please' }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Problem);
  });

  it('has port 5000, or another one that needs no root', () => {
    expect(registryPort({}).port).to.equal(5000);
    expect(registryPort({ SKEP_REGISTRY_PORT: '5001' }).port).to.equal(5001);
    for (const port of ['80', 'x', '70000', '-1', '5000.5'])
      expect(() => registryPort({ SKEP_REGISTRY_PORT: port }), port).to.throw(Problem, port);
  });

  it('is on the node that is named, by a constraint', () => {
    expect(registryNode({})).to.equal(undefined);
    expect(registryNode({ SKEP_REGISTRY_NODE: 'node.hostname == b' })).to.equal('node.hostname == b');
    for (const node of ['b', 'node.hostname = b', 'node.hostname'])
      expect(() => registryNode({ SKEP_REGISTRY_NODE: node }), node).to.throw(Problem, node);
  });
});
