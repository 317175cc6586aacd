import type { FunctionNamespace } from '../../contract/parse-namespace.ts';
import { isReservedLabel } from '../../contract/platform-names.ts';
import { FaasError } from '../errors.ts';
import { ANNOTATION_PREFIX, toAnnotations } from './function-labels.ts';

/** On the Swarm config that stands for a namespace: its name. */
export const NAMESPACE_CONFIG_LABEL = 'skep.namespace';

/** @throws {FaasError} `invalid_request` for a key that is the platform's */
export function toConfigLabels({ name, labels, annotations }: FunctionNamespace): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(labels)) {
    checkKey(key, 'labels');
    if (isReservedLabel(key)) {
      throw new FaasError(
        'invalid_request',
        `labels: ${key} is reserved for the platform: choose another key`,
      );
    }
    kept[key] = value;
  }
  for (const [key, value] of Object.entries(annotations)) {
    checkKey(key, 'annotations');
    kept[ANNOTATION_PREFIX + key] = value;
  }
  return { ...kept, [NAMESPACE_CONFIG_LABEL]: name };
}

/** The namespace that the labels of its config tell of. */
export function toNamespace(labels: Readonly<Record<string, string>>): FunctionNamespace {
  const own = Object.entries(labels).filter(([key]) => !isReservedLabel(key));
  return {
    name: labels[NAMESPACE_CONFIG_LABEL] ?? '',
    labels: Object.fromEntries(own),
    annotations: toAnnotations(labels),
  };
}

function checkKey(key: string, field: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (key === '' || key === '__proto__' || /[\u0000-\u001f\u007f]/.test(key)) {
    throw new FaasError('invalid_request', `${field}: ${JSON.stringify(key)} is not a key`);
  }
}
