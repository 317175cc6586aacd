import { ContractError } from './contract-error.ts';
import type { DeleteFunctionRequest, ScaleRequest } from './function-types.ts';
import { kindOf, optionalString, ownValue, parseObject, requiredString } from './parse-json.ts';

/** Far beyond what one swarm runs; a typing error of some digits shall not fill a cluster. */
export const MOST_REPLICAS = 10_000;

/** The body of DELETE /system/functions. @throws {ContractError} that names the field */
export function parseDeleteRequest(value: unknown): DeleteFunctionRequest {
  const body = parseObject(value, 'the body');
  const functionName = requiredString(body, 'functionName');
  const namespace = optionalString(body, 'namespace');
  return { functionName, ...(namespace !== undefined && { namespace }) };
}

/** The body of POST /system/scale-function/:name. @throws {ContractError} that names the field */
export function parseScaleRequest(value: unknown): ScaleRequest {
  const body = parseObject(value, 'the body');
  const serviceName = optionalString(body, 'serviceName');
  const namespace = optionalString(body, 'namespace');
  const replicas = ownValue(body, 'replicas');
  if (
    typeof replicas !== 'number' ||
    !Number.isInteger(replicas) ||
    replicas < 0 ||
    replicas > MOST_REPLICAS
  ) {
    const given = typeof replicas === 'number' ? String(replicas) : kindOf(replicas);
    throw new ContractError(`replicas: expected a whole number from 0 to ${MOST_REPLICAS}, not ${given}`);
  }
  return {
    replicas,
    ...(serviceName !== undefined && { serviceName }),
    ...(namespace !== undefined && { namespace }),
  };
}
