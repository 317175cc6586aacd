import { createHash } from 'node:crypto';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../contract/function-ref.ts';

const LONGEST = 63;
const HASH_LENGTH = 10;

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
