import { DEVICES, type FunctionDeployment, type FunctionResources } from '../../contract/function-types.ts';
import { parseMemoryBytes, parseNanoCpus } from '../../contract/parse-quantity.ts';
import { FaasError } from '../errors.ts';
import { byContract } from './by-contract.ts';

/** What one replica may use, or has set aside. Absent: it is not said. */
export interface Amounts {
  readonly memoryBytes?: number;
  readonly nanoCpus?: number;
}

/** Devices are set aside whole. */
export interface DeviceCount {
  readonly device: (typeof DEVICES)[number];
  readonly count: number;
}

export interface Resources {
  readonly limits: Amounts;
  readonly requests: Amounts;
  readonly devices: readonly DeviceCount[];
}

/**
 * Limits and requests of a deployment; either place asks for devices.
 * @throws {FaasError} `invalid_request` that names the field
 */
export function parseResources({
  limits,
  requests,
}: Pick<FunctionDeployment, 'limits' | 'requests'>): Resources {
  const found = { limits: toAmounts(limits, 'limits'), requests: toAmounts(requests, 'requests') };
  refuseMoreThan(found.limits.memoryBytes, found.requests.memoryBytes, 'memory');
  refuseMoreThan(found.limits.nanoCpus, found.requests.nanoCpus, 'cpu');
  return { ...found, devices: toDevices(limits, requests) };
}

function toAmounts(resources: FunctionResources | undefined, field: string): Amounts {
  const { memory = '', cpu = '' } = resources ?? {};
  return byContract(() => ({
    ...(memory !== '' && { memoryBytes: parseMemoryBytes(memory, `${field}.memory`) }),
    ...(cpu !== '' && { nanoCpus: parseNanoCpus(cpu, `${field}.cpu`) }),
  }));
}

function toDevices(limits: FunctionResources = {}, requests: FunctionResources = {}): DeviceCount[] {
  return DEVICES.flatMap((device): DeviceCount[] => {
    const text = limits[device] ?? requests[device];
    if (text === undefined || text === '') return [];
    const field = `${limits[device] === undefined ? 'requests' : 'limits'}.${device}`;
    if (requests[device] !== undefined && requests[device] !== text)
      throw new FaasError('invalid_request', `${field}: limits and requests ask for different numbers`);
    if (!/^[1-9]\d{0,3}$/.test(text)) {
      throw new FaasError('invalid_request', `${field}: ${JSON.stringify(text)} is not a number of devices`);
    }
    return [{ device, count: Number(text) }];
  });
}

function refuseMoreThan(limit: number | undefined, request: number | undefined, field: string): void {
  if (limit === undefined || request === undefined || request <= limit) return;
  throw new FaasError(
    'invalid_request',
    `requests.${field} is more than limits.${field}: no replica could ever start`,
  );
}
