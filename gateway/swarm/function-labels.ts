import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { isReservedLabel } from '../../contract/platform-names.ts';
import { checkLabels, platformLabels } from '../functions/labels.ts';

/** Annotations stand among the labels under this prefix. */
const ANNOTATION_PREFIX = 'com.openfaas.annotations.';
/** On the service alone: the request as it came, as JSON, without `registryAuth`. */
export const DEPLOYMENT_LABEL = 'skep.deployment';
/** On the containers: the image that the tag meant, so that a rebuilt image rolls. */
export const IMAGE_ID_LABEL = 'skep.image-id';

/**
 * The labels and annotations of a deployment as they stand on service and containers.
 * @throws {FaasError} `invalid_request` that names a key that cannot be, or is the platform's
 */
export function toSwarmLabels(ref: FunctionRef, deployment: FunctionDeployment): Record<string, string> {
  const own = platformLabels(ref);
  checkLabels(deployment, own);
  return { ...deployment.labels, ...fromAnnotations(deployment.annotations), ...own };
}

/** As they stand among the labels. */
export function fromAnnotations(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [ANNOTATION_PREFIX + key, value]),
  );
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
