import type { FunctionRef } from '../../contract/function-ref.ts';
import { isLabelKey, isReservedLabel } from '../../contract/platform-names.ts';
import { FaasError } from '../errors.ts';

/** Whose a replica is. What carries it is a function, whoever made it. */
export const FUNCTION_LABEL = 'com.openfaas.function';
export const NAMESPACE_LABEL = 'com.openfaas.namespace';

type Texts = Readonly<Record<string, string>>;

/** Labels that every function carries. */
export function platformLabels(ref: FunctionRef): Record<string, string> {
  return {
    [FUNCTION_LABEL]: ref.name,
    [NAMESPACE_LABEL]: ref.namespace,
    faas_function: ref.name,
    function: 'true',
  };
}

/**
 * Refuses keys that cannot be, or are the platform's.
 * @param own the platform's labels: a reserved key is let through when it says what it would say anyway, as clients send back what they have read
 * @throws {FaasError} `invalid_request` that names the key
 */
export function checkLabels(
  {
    labels = {},
    annotations = {},
  }: { readonly labels?: Texts | undefined; readonly annotations?: Texts | undefined },
  own: Texts = {},
): void {
  for (const [key, value] of Object.entries(labels)) {
    checkKey(key, 'labels');
    if ((Object.hasOwn(own, key) && own[key] !== value) || isReservedLabel(key)) {
      throw new FaasError(
        'invalid_request',
        `labels: ${key} is reserved for the platform: choose another key`,
      );
    }
  }
  for (const key of Object.keys(annotations)) checkKey(key, 'annotations');
}

function checkKey(key: string, field: string): void {
  if (isLabelKey(key)) return;
  throw new FaasError('invalid_request', `${field}: ${JSON.stringify(key)} is not a key`);
}
