import { expect } from 'chai';
import type { ContainerTaskSpec, ServiceSpec } from 'dockerode';
import type { FunctionDeployment } from '../../../contract/function-types.ts';
import { FaasError } from '../../../gateway/errors.ts';
import { type SpecContext, toServiceSpec } from '../../../gateway/swarm/service-spec.ts';

const CONTEXT: SpecContext = {
  ref: { name: 'echo', namespace: 'dev' },
  serviceName: 'echo_dev',
  networkId: 'net1',
  secrets: new Map([['key', { id: 'secret1', swarmName: 'key-v2' }]]),
  image: 'team/echo:1@sha256:abc',
  imageEnv: {},
  rolloutLabels: {},
  replicas: 2,
};

describe('a deployment as a Swarm service', () => {
  const toSpec = (
    changes: Partial<FunctionDeployment> = {},
    context: Partial<SpecContext> = {},
  ): ServiceSpec =>
    toServiceSpec(
      { service: 'echo', namespace: 'dev', image: 'team/echo:1', ...changes },
      { ...CONTEXT, ...context },
    );
  const taskOf = (spec: ServiceSpec): ContainerTaskSpec => spec.TaskTemplate as ContainerTaskSpec;
  const containerOf = (spec: ServiceSpec) => taskOf(spec).ContainerSpec ?? {};

  it('is called by replica address, restarts without end, and rolls start-first with a way back', () => {
    const spec = toSpec();
    expect(spec.Name).to.equal('echo_dev');
    expect(spec.EndpointSpec).to.deep.equal({ Mode: 'dnsrr' });
    expect(spec.Mode).to.deep.equal({ Replicated: { Replicas: 2 } });
    expect(spec.UpdateConfig).to.include({ Order: 'start-first', Parallelism: 1, FailureAction: 'rollback' });
    expect(taskOf(spec).RestartPolicy).to.deep.equal({ Condition: 'any', Delay: 1e9 });
    expect(taskOf(spec).Networks).to.deep.equal([{ Target: 'net1' }]);
    expect(taskOf(spec).LogDriver?.Options).to.have.property('max-size');
  });

  it('gives a function no rights beyond the contract', () => {
    expect(containerOf(toSpec()).CapabilityDrop).to.deep.equal(['ALL']);
    expect(containerOf(toSpec()).Init).to.equal(true);
    expect(containerOf(toSpec())).to.not.have.any.keys(
      'Mounts',
      'CapabilityAdd',
      'Privileges',
      'User',
      'Hosts',
    );
  });

  it('puts labels and prefixed annotations on service and containers, the request on the service alone', () => {
    const spec = toSpec({ labels: { a: '1' }, annotations: { b: '2' }, registryAuth: 'c2VjcmV0' });
    const shared = {
      a: '1',
      'com.openfaas.annotations.b': '2',
      'com.openfaas.function': 'echo',
      'com.openfaas.namespace': 'dev',
      faas_function: 'echo',
      function: 'true',
    };
    expect(containerOf(spec).Labels).to.deep.equal(shared);
    const { 'skep.deployment': stored, ...labels } = spec.Labels ?? {};
    expect(labels).to.deep.equal(shared);
    expect(JSON.parse(stored ?? '')).to.deep.equal({
      service: 'echo',
      namespace: 'dev',
      image: 'team/echo:1',
      labels: { a: '1' },
      annotations: { b: '2' },
    });
    expect(JSON.stringify(spec)).to.not.include('c2VjcmV0');
  });

  it('changes nothing of the containers when only the request does', () => {
    expect(toSpec({ limits: { memory: '1Gi' } }).TaskTemplate).to.deep.equal(
      toSpec({ limits: { memory: '1024m' } }).TaskTemplate,
    );
  });

  it('marks the containers with the id of an image that has no digest', () => {
    expect(containerOf(toSpec({}, { localImageId: 'sha256:1' })).Labels).to.have.property(
      'skep.image-id',
      'sha256:1',
    );
  });

  it('sets fprocess and the names of function and namespace beside the variables', () => {
    const { Env } = containerOf(toSpec({ envProcess: 'cat -u', envVars: { a: 'b=c', empty: '' } }));
    expect(Env).to.have.members([
      'fprocess=cat -u',
      'a=b=c',
      'empty=',
      'OPENFAAS_NAME=echo',
      'OPENFAAS_NAMESPACE=dev',
    ]);
    expect(containerOf(toSpec({ envVars: { fprocess: 'cat' } })).Env).to.include('fprocess=cat');
  });

  it('places on Linux nodes, or as told', () => {
    expect(taskOf(toSpec({ constraints: [] })).Placement?.Constraints).to.deep.equal([
      'node.platform.os==linux',
    ]);
    expect(taskOf(toSpec({ constraints: ['node.role == worker'] })).Placement?.Constraints).to.deep.equal([
      'node.role == worker',
    ]);
  });

  it('mounts a secret under its public name, readable by every user', () => {
    expect(containerOf(toSpec({ secrets: ['key'] })).Secrets).to.deep.equal([
      {
        SecretID: 'secret1',
        SecretName: 'key-v2',
        File: { Name: '/var/openfaas/secrets/key', UID: '0', GID: '0', Mode: 0o444 },
      },
    ]);
  });

  it('keeps /tmp writable under a read-only root', () => {
    const container = containerOf(toSpec({ readOnlyRootFilesystem: true }));
    expect(container.ReadOnly).to.equal(true);
    expect(container.Mounts?.[0]).to.include({ Type: 'tmpfs', Target: '/tmp' });
  });

  describe('stop grace', () => {
    const graceOf = (envVars: Record<string, string>, imageEnv: Record<string, string> = {}) =>
      (containerOf(toSpec({ envVars }, { imageEnv })).StopGracePeriod ?? 0) / 1e9;

    it('is healthcheck_interval and write_timeout, with the watchdog’s defaults', () => {
      expect(graceOf({})).to.equal(60);
      expect(graceOf({ write_timeout: '5s' })).to.equal(10);
      expect(graceOf({ write_timeout: '1m30s', healthcheck_interval: '2' })).to.equal(92);
      expect(graceOf({ write_timeout: 'soon' })).to.equal(60);
    });

    it('reads the image’s own variables under those of the deployment', () => {
      expect(
        graceOf({ healthcheck_interval: '1s' }, { write_timeout: '15s', healthcheck_interval: '9s' }),
      ).to.equal(16);
    });
  });

  describe('health check', () => {
    const checkOf = (annotations: Record<string, string>) => containerOf(toSpec({ annotations })).HealthCheck;

    it('is off, whatever the image says', () => {
      expect(checkOf({ topic: 'x' })).to.deep.equal({ Test: ['NONE'] });
    });

    it('is built from the annotations, with the defaults of the contract', () => {
      expect(checkOf({ 'com.openfaas.health.http.path': '/_/health' })).to.deep.equal({
        Test: ['CMD', 'fwatchdog', '-run-healthcheck'],
        StartPeriod: 2e9,
        Interval: 2e9,
        Timeout: 1e9,
        Retries: 3,
      });
      expect(
        checkOf({ 'com.openfaas.http.path': '/ready', 'com.openfaas.health.http.initialDelay': '30s' }),
      ).to.deep.include({
        Test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/ready'],
        StartPeriod: 30e9,
      });
    });

    for (const [key, value] of [
      ['path', '/$(reboot)'],
      ['path', 'health'],
      ['periodSeconds', '0'],
      ['timeoutSeconds', '-1'],
      ['failureThreshold', '0'],
    ] as const) {
      it(`refuses ${key} ${value}, naming the annotation`, () => {
        expect(() => checkOf({ [`com.openfaas.health.http.${key}`]: value })).to.throw(FaasError, key);
      });
    }
  });

  for (const [what, changes, named] of [
    ['a label of the platform', { labels: { 'com.openfaas.function': 'other' } }, 'com.openfaas.function'],
    ['a label in the annotations’ place', { labels: { 'com.openfaas.annotations.a': 'x' } }, 'annotations.a'],
    [
      'a label that Docker reads',
      { labels: { 'com.docker.stack.namespace': 'x' } },
      'com.docker.stack.namespace',
    ],
    ['the label of the stored request', { labels: { 'skep.deployment': '{}' } }, 'skep.deployment'],
    ['an empty annotation key', { annotations: { '': 'x' } }, 'annotations'],
    ['a variable with an equals sign', { envVars: { 'a=b': 'c' } }, 'envVars'],
    ['another OPENFAAS_NAME', { envVars: { OPENFAAS_NAME: 'other' } }, 'OPENFAAS_NAME'],
    ['two values of fprocess', { envProcess: 'cat', envVars: { fprocess: 'env' } }, 'fprocess'],
    ['limits that do not parse', { limits: { memory: 'much' } }, 'limits.memory'],
    ['more than Swarm can keep', { envVars: { big: 'x'.repeat(600_000) } }, 'bytes'],
  ] as const) {
    it(`refuses ${what}, naming it`, () => {
      expect(() => toSpec(changes))
        .to.throw(FaasError, named)
        .with.property('code', 'invalid_request');
    });
  }

  it('takes reserved labels that say what they would say anyway, as clients send back what they read', () => {
    expect(toSpec({ labels: { faas_function: 'echo', function: 'true' } }).Labels).to.have.property(
      'faas_function',
      'echo',
    );
  });
});
