import { expect } from 'chai';
import type { ContainerTaskSpec, ServiceSpec } from 'dockerode';
import type { FunctionDeployment, FunctionStatus } from '../../../contract/function-types.ts';
import { toFunctionStatus } from '../../../gateway/swarm/read-back.ts';
import { type SpecContext, toServiceSpec } from '../../../gateway/swarm/service-spec.ts';

const REF = { name: 'echo', namespace: 'dev' };
const DEPLOYMENT: FunctionDeployment = {
  service: 'echo',
  namespace: 'dev',
  image: 'team/echo:1',
  envProcess: 'cat',
  envVars: { a: 'b=c' },
  constraints: ['node.role == worker'],
  secrets: ['key'],
  labels: { mine: 'x', 'com.openfaas.scale.max': '7' },
  annotations: { note: 'two\nlines' },
  limits: { memory: '5Mi', cpu: '100m' },
  requests: { memory: '4Mi' },
  readOnlyRootFilesystem: true,
};

const SERVICE = { ID: 'i', CreatedAt: '2026-01-01T00:00:00Z' };

describe('a function as it is read back', () => {
  const deployed = (
    changes: Partial<FunctionDeployment> = {},
    context: Partial<SpecContext> = {},
  ): ServiceSpec =>
    toServiceSpec(
      { ...DEPLOYMENT, ...changes },
      {
        ref: REF,
        serviceName: 'echo_dev',
        networkId: 'n',
        secrets: new Map([['key', { id: 's', swarmName: 'key' }]]),
        image: 'team/echo:1',
        imageEnv: {},
        rolloutLabels: {},
        replicas: 2,
        ...context,
      },
    );
  const read = (Spec: ServiceSpec): FunctionStatus =>
    toFunctionStatus({ ...SERVICE, Spec, ServiceStatus: { RunningTasks: 1, DesiredTasks: 2 } }, REF);
  /** As `docker service update` would leave it: the spec changed, the stored request not. */
  const meddled = (spec: ServiceSpec, container: object, task: object = {}): ServiceSpec => {
    const { ContainerSpec, ...rest } = spec.TaskTemplate as ContainerTaskSpec;
    const TaskTemplate = { ...rest, ...task, ContainerSpec: { ...ContainerSpec, ...container } };
    return { ...spec, TaskTemplate } as ServiceSpec;
  };

  it('counts no replica twice that is being replaced, nor one that only ends', () => {
    const available = (RunningTasks: number, replicas: number): number => {
      const ServiceStatus = { RunningTasks, DesiredTasks: replicas };
      return toFunctionStatus({ ...SERVICE, Spec: deployed({}, { replicas }), ServiceStatus }, REF)
        .availableReplicas;
    };
    expect([available(6, 3), available(2, 3), available(3, 0)]).to.deep.equal([3, 2, 0]);
  });

  it('tells of a service on every node how many there are', () => {
    const Spec = { ...deployed(), Mode: { Global: {} } };
    const ServiceStatus = { RunningTasks: 2, DesiredTasks: 3 };
    const { replicas, availableReplicas } = toFunctionStatus({ ...SERVICE, Spec, ServiceStatus }, REF);
    expect([replicas, availableReplicas]).to.deep.equal([3, 2]);
  });

  it('is what was deployed, in its author’s spelling', () => {
    const { service: _, labels, ...sent } = DEPLOYMENT;
    expect(read(deployed())).to.deep.equal({
      ...sent,
      name: 'echo',
      labels: { ...labels, faas_function: 'echo' },
      replicas: 2,
      availableReplicas: 1,
      createdAt: '2026-01-01T00:00:00Z',
    });
  });

  it('keeps to itself what the platform added', () => {
    const { constraints: _c, secrets: _s, limits: _l, requests: _r, envVars: _e, ...rest } = DEPLOYMENT;
    const status = read(
      deployed({ ...rest, constraints: [], secrets: [], envVars: {}, limits: {}, requests: {} }),
    );
    expect(status).to.not.have.any.keys('constraints', 'secrets', 'envVars');
  });

  it('names the image as deployed, though a digest or the id of a local image runs', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(read(deployed({}, { image: `team/echo:1@${digest}` })).image).to.equal('team/echo:1');
    expect(read(deployed({}, { image: digest, localImageId: digest })).image).to.equal('team/echo:1');
    const pinned = `team/echo:1@${digest}`;
    expect(read(deployed({ image: pinned }, { image: pinned })).image).to.equal(pinned);
  });

  it('tells what runs after somebody else changed the service', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const built = deployed({}, { image: digest, localImageId: digest });
    expect(read(meddled(built, { Image: `team/echo:2@${digest}` })).image).to.equal('team/echo:2');
    expect(read(meddled(deployed(), { Env: ['fprocess=wc', 'new=1'] }))).to.deep.include({
      envProcess: 'wc',
      envVars: { new: '1' },
    });
    expect(read(meddled(deployed(), { Secrets: [] }))).to.not.have.property('secrets');
    const elsewhere = { Placement: { Constraints: ['node.role == manager'] } };
    expect(read(meddled(deployed(), {}, elsewhere)).constraints).to.deep.equal(['node.role == manager']);
    const smaller = { Resources: { Limits: { MemoryBytes: 8_388_608, NanoCPUs: 50_000_000 } } };
    const status = read(meddled(deployed(), {}, smaller));
    expect(status.limits).to.deep.equal({ memory: '8388608', cpu: '50m' });
    expect(status).to.not.have.property('requests');
    const spec = deployed();
    const labels = { ...spec.Labels, 'com.openfaas.scale.max': '3' };
    expect(read({ ...spec, Labels: labels } as ServiceSpec).labels).to.include({
      'com.openfaas.scale.max': '3',
    });
    expect(read({ ...spec, Mode: { Replicated: { Replicas: 5 } } }).replicas).to.equal(5);
  });
});
