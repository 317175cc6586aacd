import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { parseDurationMs } from '../../contract/duration.ts';
import { loadConfig } from '../../gateway/config.ts';
import { loadQueueWorkerConfig } from '../../gateway/queue-worker/config.ts';
import { BASE_IMAGES } from '../../scripts/base-images/catalog.ts';
import {
  CONFIG_FILES,
  checkQueueWorkers,
  IMAGE_IDS,
  stackEnvironment,
} from '../../scripts/platform/stack-settings.ts';
import { Problem } from '../../scripts/shell/problem.ts';

const root = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(root, 'stack.yml'), 'utf8');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks: readonly string[];
  readonly ports?: readonly { readonly mode: string; readonly protocol: string }[];
  readonly volumes?: readonly (string | { readonly source: string })[];
  readonly secrets?: readonly string[];
  readonly stop_grace_period?: string;
  readonly logging?: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  readonly deploy: {
    readonly endpoint_mode?: string;
    readonly restart_policy?: { readonly condition: string };
    readonly update_config?: { readonly order: string };
    readonly resources?: { readonly limits?: { readonly memory?: string } };
  };
}
const stack = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly external?: boolean; readonly name: string }>>;
  readonly configs: Readonly<Record<string, { readonly name: string; readonly file: string }>>;
  readonly secrets: Readonly<Record<string, { readonly external: boolean; readonly name?: string }>>;
};
const services = Object.entries(stack.services);

describe('stack.yml', () => {
  for (const [name, service] of services) {
    it(`limits the memory of ${name}, starts it again when it ends, and rotates its log`, () => {
      expect(service.deploy.resources?.limits?.memory).to.match(/^\d+M$/);
      expect(service.deploy.restart_policy?.condition).to.equal('any');
      expect(service.logging?.driver).to.equal('json-file');
      expect(service.logging?.options['max-size']).to.equal('10m');
      expect(service.stop_grace_period).to.be.a('string');
    });

    it(`needs no IPVS for ${name}, and never has two on one port`, () => {
      expect(service.deploy.endpoint_mode).to.equal('dnsrr');
      for (const port of service.ports ?? []) expect(port.mode).to.equal('host');
      expect(service.deploy.update_config?.order).to.equal(
        name === 'queue-worker' ? 'start-first' : 'stop-first',
      );
    });
  }

  it('puts the gateway alone on both networks', () => {
    const onFunctions = services.filter(([, { networks }]) => networks.includes('functions'));
    expect(onFunctions.map(([name]) => name)).to.deep.equal(['gateway']);
    expect(services.every(([, { networks }]) => networks.includes('platform'))).to.equal(true);
    expect(stack.networks['functions']).to.deep.equal({ name: 'skep-functions', external: true });
  });

  it('gives the engine to the gateway alone', () => {
    const withSocket = services.filter(([, { volumes = [] }]) =>
      JSON.stringify(volumes).includes('docker.sock'),
    );
    expect(withSocket.map(([name]) => name)).to.deep.equal(['gateway']);
  });

  it('runs the calls of the queue with the program of the gateway, without its rights', () => {
    const { gateway, 'queue-worker': worker } = stack.services;
    expect(worker?.image).to.equal(gateway?.image);
    expect(worker?.command).to.deep.equal(['queue-worker']);
    expect(worker?.user).to.equal('nobody');
    expect(worker?.ports).to.equal(undefined);
    const { callback_allow: allowed, ...settings } = gateway?.environment ?? {};
    const { callback_allow: allowedToWorker, ...settingsOfWorker } = worker?.environment ?? {};
    // What one of them lets pass the other one would refuse.
    expect(allowed).to.equal(`\${SKEP_CALLBACK_ALLOW:-}`);
    expect(allowedToWorker).to.equal(allowed);
    const of = loadConfig(settings);
    const { upstreamTimeoutMs, shutdownTimeoutMs, ...rest } = loadQueueWorkerConfig(settingsOfWorker);
    expect(upstreamTimeoutMs).to.be.above(of.upstreamTimeoutMs + of.coldStartTimeoutMs);
    expect(shutdownTimeoutMs).to.be.below(parseDurationMs(worker?.stop_grace_period ?? ''));
    expect(rest.gateway).to.deep.equal({ hostname: 'gateway', port: of.port });
    expect(rest).to.include({ natsHost: of.natsHost, natsPort: of.natsPort, clusterName: of.clusterName });
  });

  it('has a default for every variable, so that `docker stack deploy` needs none', () => {
    for (const [variable] of text.replace(/\$\{…\}/, '').matchAll(/\$\{[^}]*\}/g))
      expect(variable).to.match(/^\$\{\w+:-/);
  });

  it('mounts the password as one file, whatever its version', () => {
    expect(stack.secrets['basic-auth-password']).to.deep.equal({
      external: true,
      name: `\${SKEP_PASSWORD_SECRET:-basic-auth-password}`,
    });
    const users = services.filter(([, { secrets = [] }]) => secrets.includes('basic-auth-password'));
    expect(users.map(([name]) => name)).to.deep.equal(['gateway', 'alertmanager', 'grafana']);
  });

  it('keeps what Prometheus and Alertmanager know over their restarts', () => {
    for (const [name, folder] of [
      ['prometheus', '/prometheus'],
      ['alertmanager', '/alertmanager'],
    ] as const)
      expect(stack.services[name]?.volumes, name).to.deep.equal([`${name}:${folder}`]);
  });

  it('names every config after its content, under a variable that `up` sets', () => {
    const variables = Object.values(stack.configs).map(({ name, file }) => [
      /\$\{(\w+):-manual\}$/.exec(name)?.[1],
      file.replace('./', ''),
    ]);
    expect(Object.fromEntries(variables)).to.deep.equal(CONFIG_FILES);
    for (const file of Object.values(CONFIG_FILES)) expect(existsSync(join(root, file)), file).to.equal(true);
  });

  it('uses exactly the images that base-images provides', () => {
    const known = BASE_IMAGES.map(({ name }) => name);
    const used = services
      .map(([, { image }]) => /:-(.*)\}$/.exec(image)?.[1])
      .filter((image) => image !== 'skep/gateway:latest');
    expect(known).to.include.members(used);
    expect(Object.values(IMAGE_IDS)).to.have.members(used);
  });
});

describe('stackEnvironment', () => {
  const settings = {
    root,
    gatewayImage: 'skep/gateway:1',
    hasGrafana: false,
    imageIds: new Map([['nats:2.9.10', 'sha256:1']]),
    dockerSocket: '/run/other.sock',
    passwordSecret: 'basic-auth-password_v2',
  };

  it('sets only variables that stack.yml reads', () => {
    for (const variable of Object.keys(stackEnvironment(settings)))
      expect(text).to.contain(`\${${variable}:-`);
  });

  it('takes a number of queue workers, and nothing else', () => {
    for (const count of [undefined, '', '0', '1', '12']) checkQueueWorkers({ SKEP_QUEUE_WORKERS: count });
    for (const count of ['-1', '1.5', 'two', '1000'])
      expect(() => checkQueueWorkers({ SKEP_QUEUE_WORKERS: count }), count).to.throw(Problem, count);
  });

  it('runs no Grafana where its image cannot be had', () => {
    expect(stackEnvironment(settings)['SKEP_GRAFANA_REPLICAS']).to.equal('0');
    expect(stackEnvironment({ ...settings, hasGrafana: true })['SKEP_GRAFANA_REPLICAS']).to.equal('1');
  });
});
