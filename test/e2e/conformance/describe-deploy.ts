import { expect } from 'chai';
import type { FunctionDeployment, GatewayInfo } from '../../../contract/function-types.ts';
import type { CertifiedGateway, CertifiedPlace } from './certified-gateway.ts';

const NAMESPACE = 'e2e-certified';
const SECRET = 'e2e-certified-mounted';

/** The certifier's four deployments, and two more so that every compared field is compared with a value. */
const deploymentsOf = (image: string): readonly FunctionDeployment[] => [
  { service: 'stronghash', image, namespace: NAMESPACE, envProcess: 'sha512sum' },
  {
    service: 'env-test-labels',
    image,
    namespace: NAMESPACE,
    envProcess: 'env',
    labels: { upstream_uri: 'example.com', canary_build: 'true' },
  },
  {
    service: 'env-test-annotations',
    image,
    namespace: NAMESPACE,
    envProcess: 'env',
    annotations: {
      'important-date': 'Fri Aug 10 08:21:00 UTC 2018',
      'some-json': '{    "datacenter": "lon1",    "environment": "production"  }\n{\n  "second": "line"\n}\n',
    },
  },
  {
    service: 'memory-limit',
    image,
    namespace: NAMESPACE,
    envProcess: 'env',
    limits: { memory: '5Mi', cpu: '100m' },
  },
  {
    service: 'all-fields',
    image,
    namespace: NAMESPACE,
    envProcess: 'cat',
    envVars: { destination: 'http://example.com', empty: '', lines: 'a\nb' },
    constraints: ['node.platform.os == linux', 'node.platform.arch != none'],
    secrets: [SECRET],
    requests: { memory: '5Mi', cpu: '10m' },
    readOnlyRootFilesystem: true,
    labels: { 'com.openfaas.scale.min': '1' },
    annotations: { empty: '' },
  },
];

/** Health, info, namespaces, deployments and lists of them. */
export function describeDeployments(place: CertifiedPlace): void {
  const deployments = deploymentsOf(place.toolsImage);
  describe('conformance: health, info, namespaces, deploy, list', function () {
    this.timeout(120_000);
    let gateway: CertifiedGateway;
    let namespacesBefore: string[];

    const namespaces = async (): Promise<string[]> =>
      (await (await gateway.request('/system/namespaces')).json()) as string[];
    const clear = async (): Promise<void> => {
      for (const { service } of deployments) await gateway.remove(service, NAMESPACE);
      await gateway.request('/system/secrets', {
        method: 'DELETE',
        json: { name: SECRET, namespace: NAMESPACE },
      });
      await gateway.removeNamespace(NAMESPACE);
    };

    before(async () => {
      gateway = await place.open();
      await clear();
      namespacesBefore = await namespaces();
    });
    after(async () => {
      await clear();
      await place.close();
    });

    it('Health: GET /healthz is 200', async () => {
      expect((await fetch(`${gateway.url}/healthz`)).status).to.equal(200);
    });

    it('Info: provider, orchestration, and a release and commit of provider and gateway', async () => {
      const response = await gateway.request('/system/info');
      expect(response.status).to.equal(200);
      const { provider, version } = (await response.json()) as GatewayInfo;
      for (const [what, value] of Object.entries({
        provider: provider.provider,
        orchestration: provider.orchestration,
        providerRelease: provider.version.release,
        providerSha: provider.version.sha,
        release: version.release,
        sha: version.sha,
      })) {
        expect(value, what).to.be.a('string').that.is.not.empty;
      }
      // The certifier leaves out its scaling tests for a provider of this name.
      expect(provider.provider).to.not.equal('faasd');
    });

    it('ListNamespaces: the default and those that were made, and no other', async () => {
      await gateway.createNamespace(NAMESPACE);
      expect(namespacesBefore).to.include('openfaas-fn');
      expect(await namespaces()).to.have.members([...namespacesBefore, NAMESPACE]);
    });

    it('a secret to mount, for the deployment that has one', async () => {
      const json = { name: SECRET, namespace: NAMESPACE, value: 'x' };
      const { status } = await gateway.request('/system/secrets', { method: 'POST', json });
      expect(status).to.be.oneOf([200, 201, 202]);
    });

    for (const deployment of deployments) {
      const { service, labels = {}, annotations = {} } = deployment;
      it(`Deploy: ${service} is accepted, read, in the list, with its labels and annotations`, async () => {
        await gateway.deploy(deployment);
        const status = await gateway.status(service, NAMESPACE);
        expect(status.labels).to.include(labels);
        expect(status.annotations).to.include(annotations);
        expect((await gateway.list(NAMESPACE)).map(({ name }) => name)).to.include(service);
      });
    }

    it('List content: only these functions are in the namespace', async () => {
      expect((await gateway.list(NAMESPACE)).map(({ name }) => name)).to.have.members(
        deployments.map(({ service }) => service),
      );
    });

    for (const deployment of deployments) {
      it(`List content: ${deployment.service} reads back as it was sent, listed and alone`, async () => {
        const listed = (await gateway.list(NAMESPACE)).find(({ name }) => name === deployment.service);
        if (listed === undefined) throw new Error(`${deployment.service} is not in the list`);
        for (const status of [listed, await gateway.status(deployment.service, NAMESPACE)]) {
          expect(status.image).to.equal(place.toolsImage);
          expect(status.namespace).to.equal(NAMESPACE);
          expect(status.envProcess).to.equal(deployment.envProcess);
          expect(status.readOnlyRootFilesystem ?? false).to.equal(deployment.readOnlyRootFilesystem ?? false);
          expect(status.envVars).to.deep.equal(deployment.envVars);
          expect(status.constraints ?? []).to.deep.equal(deployment.constraints ?? []);
          expect(status.secrets ?? []).to.deep.equal(deployment.secrets ?? []);
          expect(status.limits).to.deep.equal(deployment.limits);
          expect(status.requests).to.deep.equal(deployment.requests);
          expect(status.labels['faas_function']).to.equal(deployment.service);
          expect(status.annotations).to.include(deployment.annotations ?? {});
          expect(Date.parse(status.createdAt)).to.be.greaterThan(0);
        }
      });
    }
  });
}
