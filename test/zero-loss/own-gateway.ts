import { networkInterfaces } from 'node:os';
import type Docker from 'dockerode';
import type { Engine } from '../support/engine-swarm.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/platform.ts';

export interface OwnGateway {
  readonly name: string;
  readonly port: number;
  /** By an address of this machine that is not its loopback: there the engine's proxy would take connections for a gateway that is gone. */
  readonly url: string;
  /** As `docker service update --force`: the container is drained and replaced. Resolves when another one answers. */
  restart(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * A gateway in a service of its own on the platform's swarm, so that it can be restarted without disturbing others.
 * @param settings more of its environment, e.g. `gateway_workers=2`
 */
export async function startOwnGateway(
  docker: Docker,
  name: string,
  settings: readonly string[] = [],
): Promise<OwnGateway> {
  const port = freePort();
  const host = hostAddress();
  const url = `http://${host}:${port}`;
  await remove(docker, name);
  await docker.createService(
    {},
    {
      Name: name,
      TaskTemplate: {
        ContainerSpec: {
          Image: await gatewayImage(docker),
          Env: [
            'basic_auth=false',
            'functions_network=skep-functions',
            'write_timeout=20s',
            'access_log=errors',
            // The platform's gateway scales: this one knows nothing of the calls that are there.
            'autoscaler=false',
            ...settings,
          ],
          Mounts: [{ Type: 'bind', Source: '/var/run/docker.sock', Target: '/var/run/docker.sock' }],
          StopGracePeriod: 30e9,
        },
        Networks: [{ Target: 'skep-functions' }],
      },
      UpdateConfig: { Parallelism: 1, Order: 'stop-first' },
      EndpointSpec: {
        Mode: 'dnsrr',
        Ports: [{ Protocol: 'tcp', TargetPort: 8080, PublishedPort: port, PublishMode: 'host' }],
      },
    },
  );
  const runningTask = async (): Promise<string | undefined> => {
    const filters = JSON.stringify({ service: [name], 'desired-state': ['running'] });
    const tasks: { ID: string; Status?: { State?: string } }[] = await docker.listTasks({ filters });
    return tasks.find(({ Status }) => Status?.State === 'running')?.ID;
  };
  const answers = async (): Promise<boolean> =>
    (await fetch(`${url}/healthz`).catch(() => undefined))?.status === 200;
  await until(`the gateway ${name}`, answers);
  return {
    name,
    port,
    url,
    restart: async () => {
      const before = await runningTask();
      const service = docker.getService(name);
      const { Spec, Version } = await service.inspect();
      const TaskTemplate = { ...Spec.TaskTemplate, ForceUpdate: (Spec.TaskTemplate.ForceUpdate ?? 0) + 1 };
      await service.update({ ...Spec, TaskTemplate, version: Version.Index });
      await until(`another container of ${name}`, async () => {
        const now = await runningTask();
        return now !== undefined && now !== before && (await answers());
      });
    },
    remove: () => remove(docker, name),
  };
}

async function remove(docker: Docker, name: string): Promise<void> {
  try {
    await docker.getService(name).remove();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
    return;
  }
  const filters = JSON.stringify({ label: [`com.docker.swarm.service.name=${name}`] });
  await until(`the end of ${name}`, async () => (await docker.listContainers({ filters })).length === 0);
}

/** Of the gateways that tests start. */
export async function gatewayImage(docker: Docker): Promise<string> {
  const given = process.env['SKEP_GATEWAY_IMAGE'];
  if (given !== undefined) return given;
  const { Spec } = await docker.getService('skep_gateway').inspect();
  return Spec.TaskTemplate.ContainerSpec.Image;
}

/** The gateway of a swarm of its own, without credentials. @returns its URL */
export async function startGatewayOn(manager: Engine, image: string): Promise<string> {
  await manager.load(image);
  await manager.docker.createService(
    {},
    {
      Name: 'gateway',
      TaskTemplate: {
        ContainerSpec: {
          Image: image,
          Env: ['basic_auth=false', 'functions_network=skep-functions'],
          Mounts: [{ Type: 'bind', Source: manager.socketPath, Target: '/var/run/docker.sock' }],
        },
        Networks: [{ Target: 'skep-functions' }],
        Placement: { Constraints: ['node.role==manager'] },
      },
      EndpointSpec: {
        Mode: 'dnsrr',
        Ports: [{ Protocol: 'tcp', TargetPort: 8080, PublishedPort: 8080, PublishMode: 'host' }],
      },
    },
  );
  const url = `http://${manager.address}:8080`;
  await until(
    'the gateway',
    async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.status === 200,
  );
  return url;
}

function hostAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address;
    }
  }
  throw new Error('this machine has no address but its loopback');
}
