import { DEFAULT_NAMESPACE, type FunctionRef, isFunctionName } from '../../contract/function-ref.ts';
import { PLATFORM_SERVICES } from '../../contract/platform-names.ts';
import { FaasError } from '../errors.ts';

const PLATFORM_NAMES: ReadonlySet<string> = new Set(PLATFORM_SERVICES);

/** The stack of the platform is deployed as `skep`: the function `skep` of a namespace `nats` would take its place. */
const STACK_PREFIX = /^skep_/;

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
  const isDefault = ref.namespace === defaultNamespace;
  const serviceName = isDefault ? ref.name : `${ref.name}_${ref.namespace}`;
  if (PLATFORM_NAMES.has(serviceName) || PLATFORM_NAMES.has(serviceName.replace(STACK_PREFIX, ''))) {
    throw new FaasError(
      'invalid_request',
      `service: ${ref.name} ${isDefault ? '' : `of ${ref.namespace} `}is the name of a service of the platform: choose another name for the function`,
    );
  }
}
