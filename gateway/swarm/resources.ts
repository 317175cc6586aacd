import { ContractError } from '../../contract/contract-error.ts';
import { DEVICES, type FunctionResources } from '../../contract/function-types.ts';
import { parseMemoryBytes, parseNanoCpus } from '../../contract/parse-quantity.ts';
import { FaasError } from '../errors.ts';

/** What Swarm calls Limits or Reservations. */
export interface SwarmResources {
  readonly MemoryBytes?: number;
  readonly NanoCPUs?: number;
  readonly GenericResources?: readonly DeviceCount[];
}

interface DeviceCount {
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
 * Limits and requests in Swarm's units. A memory limit of 4 to 6 MiB becomes 6 MiB, the engine's least. Devices are set aside whole,
 * so either place asks for them.
 * @throws {FaasError} `invalid_request` that names the field
 */
export function toSwarmResources(deployment: {
  readonly limits?: FunctionResources | undefined;
  readonly requests?: FunctionResources | undefined;
}): { readonly Limits: SwarmResources; readonly Reservations: SwarmResources } {
  const limits = toUnits(deployment.limits, 'limits');
  const reservations = toUnits(deployment.requests, 'requests');
  refuseMoreThan(limits.MemoryBytes, reservations.MemoryBytes, 'memory');
  refuseMoreThan(limits.NanoCPUs, reservations.NanoCPUs, 'cpu');
  const memory = limits.MemoryBytes;
  return {
    Limits:
      memory === undefined
        ? limits
        : { ...limits, MemoryBytes: Math.max(memory, LEAST_CONTAINER_MEMORY_BYTES) },
    Reservations: { ...reservations, ...toDevices(deployment.limits, deployment.requests) },
  };
}

/** How many of each device a spec asks for, in the contract's words. */
export function fromDevices(counts: readonly object[] | undefined): FunctionResources {
  const asked: Record<string, string> = {};
  // dockerode misspells the field in its types.
  for (const { DiscreteResourceSpec } of (counts ?? []) as readonly Partial<DeviceCount>[]) {
    const device = DEVICES.find((each) => KIND_BY_DEVICE[each] === DiscreteResourceSpec?.Kind);
    if (device !== undefined) asked[device] = String(DiscreteResourceSpec?.Value);
  }
  return asked;
}

function toDevices(
  limits: FunctionResources = {},
  requests: FunctionResources = {},
): Pick<SwarmResources, 'GenericResources'> {
  const counts = DEVICES.flatMap((device): DeviceCount[] => {
    const text = limits[device] ?? requests[device];
    if (text === undefined || text === '') return [];
    const field = `${limits[device] === undefined ? 'requests' : 'limits'}.${device}`;
    if (requests[device] !== undefined && requests[device] !== text)
      throw new FaasError('invalid_request', `${field}: limits and requests ask for different numbers`);
    if (!/^[1-9]\d{0,3}$/.test(text)) {
      throw new FaasError('invalid_request', `${field}: ${JSON.stringify(text)} is not a number of devices`);
    }
    return [{ DiscreteResourceSpec: { Kind: KIND_BY_DEVICE[device], Value: Number(text) } }];
  });
  return counts.length === 0 ? {} : { GenericResources: counts };
}

function toUnits(resources: FunctionResources | undefined, field: string): SwarmResources {
  const { memory, cpu } = resources ?? {};
  try {
    return {
      ...(memory !== undefined &&
        memory !== '' && { MemoryBytes: parseMemoryBytes(memory, `${field}.memory`) }),
      ...(cpu !== undefined && cpu !== '' && { NanoCPUs: parseNanoCpus(cpu, `${field}.cpu`) }),
    };
  } catch (error) {
    if (error instanceof ContractError) throw new FaasError('invalid_request', error.message);
    throw error;
  }
}

function refuseMoreThan(limit: number | undefined, request: number | undefined, field: string): void {
  if (limit === undefined || request === undefined || request <= limit) return;
  throw new FaasError(
    'invalid_request',
    `requests.${field} is more than limits.${field}: no replica could ever start`,
  );
}
