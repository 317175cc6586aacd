import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { isLabelKey, isReservedLabel } from '../../contract/platform-names.ts';
import { FaasError } from '../errors.ts';

/** On the service and on its containers: whose they are. What carries it is a function, whoever made it. */
export const FUNCTION_LABEL = 'com.openfaas.function';
export const NAMESPACE_LABEL = 'com.openfaas.namespace';
/** Annotations stand among the labels under this prefix. */
export const ANNOTATION_PREFIX = 'com.openfaas.annotations.';
/** On the service alone: the request as it came, as JSON, without `registryAuth`. */
export const DEPLOYMENT_LABEL = 'skep.deployment';
/** On the containers: the image that the tag meant, so that a rebuilt image rolls. */
export const IMAGE_ID_LABEL = 'skep.image-id';

/** Labels that every function's service and containers carry. */
export function platformLabels(ref: FunctionRef): Record<string, string> {
  return {
    [FUNCTION_LABEL]: ref.name,
    [NAMESPACE_LABEL]: ref.namespace,
    faas_function: ref.name,
    function: 'true',
  };
}

/**
 * The labels and annotations of a deployment as they stand on service and containers.
 * A reserved key is let through when it says what it would say anyway: clients send back what they have read.
 * @throws {FaasError} `invalid_request` that names the key
 */
export function toSwarmLabels(ref: FunctionRef, deployment: FunctionDeployment): Record<string, string> {
  const own = platformLabels(ref);
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(deployment.labels ?? {})) {
    checkKey(key, 'labels');
    const isOwn = Object.hasOwn(own, key);
    if ((isOwn && own[key] !== value) || isReservedLabel(key)) {
      throw new FaasError(
        'invalid_request',
        `labels: ${key} is reserved for the platform: choose another key`,
      );
    }
    labels[key] = value;
  }
  for (const [key, value] of Object.entries(deployment.annotations ?? {})) {
    checkKey(key, 'annotations');
    labels[ANNOTATION_PREFIX + key] = value;
  }
  return { ...labels, ...own };
}

/** The labels that a reader of the function sees: the user's own and `faas_function`. */
export function toUserLabels(
  labels: Readonly<Record<string, string>>,
  ref: FunctionRef,
): Record<string, string> {
  const own = platformLabels(ref);
  const kept = Object.entries(labels).filter(([key]) => !Object.hasOwn(own, key) && !isReservedLabel(key));
  return { ...Object.fromEntries(kept), faas_function: ref.name };
}

/** The annotations among the labels of a service. */
export function toAnnotations(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => key.startsWith(ANNOTATION_PREFIX))
      .map(([key, value]) => [key.slice(ANNOTATION_PREFIX.length), value]),
  );
}

function checkKey(key: string, field: string): void {
  if (isLabelKey(key)) return;
  throw new FaasError('invalid_request', `${field}: ${JSON.stringify(key)} is not a key`);
}
