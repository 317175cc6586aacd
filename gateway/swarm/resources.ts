import { DEVICES, type FunctionDeployment, type FunctionResources } from '../../contract/function-types.ts';
import { type Amounts, type DeviceCount, parseResources } from '../functions/resources.ts';

/** What Swarm calls Limits or Reservations. */
export interface SwarmResources {
  readonly MemoryBytes?: number;
  readonly NanoCPUs?: number;
  readonly GenericResources?: readonly GenericResource[];
}

interface GenericResource {
  readonly DiscreteResourceSpec: { readonly Kind: string; readonly Value: number };
}

/** What nodes call the devices that they offer: `node-generic-resources` in the engine's own settings. */
const KIND_BY_DEVICE: Readonly<Record<(typeof DEVICES)[number], string>> = {
  'nvidia.com/gpu': 'NVIDIA-GPU',
  'amd.com/gpu': 'AMD-GPU',
  'intel.com/gpu': 'INTEL-GPU',
};

/** The engine starts no container under a smaller limit, though Swarm accepts one: its replicas would fail for ever. */
const LEAST_CONTAINER_MEMORY_BYTES = 6 * 1024 * 1024;

/**
 * Limits and requests in Swarm's units. A memory limit of 4 to 6 MiB becomes 6 MiB, the engine's least.
 * @throws {FaasError} `invalid_request` that names the field
 */
export function toSwarmResources(deployment: Pick<FunctionDeployment, 'limits' | 'requests'>): {
  readonly Limits: SwarmResources;
  readonly Reservations: SwarmResources;
} {
  const { limits, requests, devices } = parseResources(deployment);
  const { memoryBytes } = limits;
  return {
    Limits: toUnits({
      ...limits,
      ...(memoryBytes !== undefined && { memoryBytes: Math.max(memoryBytes, LEAST_CONTAINER_MEMORY_BYTES) }),
    }),
    Reservations: {
      ...toUnits(requests),
      ...(devices.length > 0 && { GenericResources: devices.map(toSpec) }),
    },
  };
}

/** How many of each device a spec asks for, in the contract's words. */
export function fromDevices(counts: readonly object[] | undefined): FunctionResources {
  const asked: Record<string, string> = {};
  // dockerode misspells the field in its types.
  for (const { DiscreteResourceSpec } of (counts ?? []) as readonly Partial<GenericResource>[]) {
    const device = DEVICES.find((each) => KIND_BY_DEVICE[each] === DiscreteResourceSpec?.Kind);
    if (device !== undefined) asked[device] = String(DiscreteResourceSpec?.Value);
  }
  return asked;
}

function toSpec({ device, count }: DeviceCount): GenericResource {
  return { DiscreteResourceSpec: { Kind: KIND_BY_DEVICE[device], Value: count } };
}

function toUnits({ memoryBytes, nanoCpus }: Amounts): SwarmResources {
  return {
    ...(memoryBytes !== undefined && { MemoryBytes: memoryBytes }),
    ...(nanoCpus !== undefined && { NanoCPUs: nanoCpus }),
  };
}
