import { createHash } from 'node:crypto';
import { DEFAULT_NAMESPACE, type FunctionRef, isFunctionName } from '../../contract/function-ref.ts';
import { PLATFORM_SERVICES } from '../../contract/platform-names.ts';
import { FaasError } from '../errors.ts';

const LONGEST = 63;
const HASH_LENGTH = 10;

const PLATFORM_NAMES: ReadonlySet<string> = new Set(PLATFORM_SERVICES);

/** The stack of the platform is deployed as `skep`: the function `skep` of a namespace `nats` would take its place. */
const STACK_PREFIX = /^skep_/;

/**
 * The Swarm service of a function: `name`, or `name_namespace` outside the default namespace. What would be longer than
 * 63 characters ends in a hash. Nobody reads a function out of a service's name: the labels tell it.
 */
export function toServiceName(ref: FunctionRef, defaultNamespace: string = DEFAULT_NAMESPACE): string {
  if (ref.namespace === defaultNamespace) return ref.name;
  const whole = `${ref.name}_${ref.namespace}`;
  if (whole.length <= LONGEST) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_LENGTH);
  // A letter or digit must stand before the underscore: Swarm takes no name with `-_`.
  return `${ref.name.slice(0, LONGEST - HASH_LENGTH - 1).replace(/-+$/, '')}_${hash}`;
}

/** @throws {FaasError} `invalid_request` for what is no name, or would shadow a service of the platform in the DNS */
export function checkFunctionRef(ref: FunctionRef, defaultNamespace: string = DEFAULT_NAMESPACE): void {
  const rule = 'lower-case letters, digits and dashes, a letter or digit at both ends, at most 63 characters';
  if (!isFunctionName(ref.name)) {
    throw new FaasError(
      'invalid_request',
      `service: ${JSON.stringify(ref.name)} is not a function name: ${rule}`,
    );
  }
  if (!isFunctionName(ref.namespace)) {
    throw new FaasError(
      'invalid_request',
      `namespace: ${JSON.stringify(ref.namespace)} is not a name: ${rule}`,
    );
  }
  const serviceName = toServiceName(ref, defaultNamespace);
  if (PLATFORM_NAMES.has(serviceName) || PLATFORM_NAMES.has(serviceName.replace(STACK_PREFIX, ''))) {
    throw new FaasError(
      'invalid_request',
      `service: ${ref.name} ${ref.namespace === defaultNamespace ? '' : `of ${ref.namespace} `}is the name of a service of the platform: choose another name for the function`,
    );
  }
}
