import { DEVICES, type FunctionResources } from '../../contract/function-types.ts';
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

const POWER: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };
const MEMORY = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b|i)?$/i;
const CPU = /^(\d+(?:\.\d+)?)(m?)$/;

/** Swarm refuses less memory than this. */
const LEAST_MEMORY_BYTES = 4 * 1024 * 1024;
/** The engine starts no container under a smaller limit, though Swarm accepts one: its replicas would fail for ever. */
const LEAST_CONTAINER_MEMORY_BYTES = 6 * 1024 * 1024;
/** Swarm refuses less than a thousandth of a CPU. */
const LEAST_NANO_CPUS = 1e6;

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

/**
 * Kubernetes' units (`5Mi`, `1Gi`) and Docker's (`128m`, `512 m`, `1g`, `64MB`), or plain bytes; always powers of 1024.
 * @throws {FaasError} `invalid_request` that names `field`
 */
export function parseMemoryBytes(text: string, field: string): number {
  const [, amount, unit = ''] = MEMORY.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(amount) * 1024 ** (POWER[unit.toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new FaasError(
      'invalid_request',
      `${field}: ${JSON.stringify(text)} is not a size: write it as 128Mi, 128m or 1g`,
    );
  }
  if (bytes < LEAST_MEMORY_BYTES) {
    throw new FaasError('invalid_request', `${field}: ${text} is less than 4Mi, the least that Swarm takes`);
  }
  return bytes;
}

/**
 * Thousandths (`100m`), cores (`0.5`, `2`), or a whole number of nano-CPUs from 1000000 up, as Swarm's providers took it.
 * @throws {FaasError} `invalid_request` that names `field`
 */
export function parseNanoCpus(text: string, field: string): number {
  const [, amount, unit] = CPU.exec(text.trim()) ?? [];
  const value = Number(amount);
  const nanoCpus = Math.round(
    unit === 'm' ? value * 1e6 : Number.isInteger(value) && value >= 1e6 ? value : value * 1e9,
  );
  if (!Number.isSafeInteger(nanoCpus)) {
    throw new FaasError(
      'invalid_request',
      `${field}: ${JSON.stringify(text)} is not a number of CPUs: write it as 100m or 0.5`,
    );
  }
  if (nanoCpus < LEAST_NANO_CPUS) {
    throw new FaasError('invalid_request', `${field}: ${text} is less than 1m, the least that Swarm takes`);
  }
  return nanoCpus;
}

function toUnits(resources: FunctionResources | undefined, field: string): SwarmResources {
  const { memory, cpu } = resources ?? {};
  return {
    ...(memory !== undefined &&
      memory !== '' && { MemoryBytes: parseMemoryBytes(memory, `${field}.memory`) }),
    ...(cpu !== undefined && cpu !== '' && { NanoCPUs: parseNanoCpus(cpu, `${field}.cpu`) }),
  };
}

function refuseMoreThan(limit: number | undefined, request: number | undefined, field: string): void {
  if (limit === undefined || request === undefined || request <= limit) return;
  throw new FaasError(
    'invalid_request',
    `requests.${field} is more than limits.${field}: no replica could ever start`,
  );
}
