import type { FunctionNamespace } from '../../contract/parse-namespace.ts';
import { isReservedLabel } from '../../contract/platform-names.ts';
import { checkLabels } from '../functions/labels.ts';
import { fromAnnotations, toAnnotations } from './function-labels.ts';

/** On the Swarm config that stands for a namespace: its name. */
export const NAMESPACE_CONFIG_LABEL = 'skep.namespace';

/** @throws {FaasError} `invalid_request` for a key that is the platform's */
export function toConfigLabels(namespace: FunctionNamespace): Record<string, string> {
  checkLabels(namespace);
  const { name, labels, annotations } = namespace;
  return { ...labels, ...fromAnnotations(annotations), [NAMESPACE_CONFIG_LABEL]: name };
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
