/** Where functions live when nobody says otherwise; faas-cli's `invoke` assumes this name too. */
export const DEFAULT_NAMESPACE = 'openfaas-fn';

export interface FunctionRef {
  readonly name: string;
  readonly namespace: string;
}

/** RFC 1123 label: what a function or namespace may be called. */
const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function isFunctionName(text: string): boolean {
  return text.length <= 63 && NAME_PATTERN.test(text);
}

/** `name` or `name.namespace`, split at the last dot; no check that the parts are valid names. */
export function splitFunctionName(text: string, namespace: string = DEFAULT_NAMESPACE): FunctionRef {
  const dot = text.lastIndexOf('.');
  return dot === -1
    ? { name: text, namespace }
    : { name: text.slice(0, dot), namespace: text.slice(dot + 1) };
}

/** The function that a deployment is of. */
export function deployedRef(
  { service, namespace }: { readonly service: string; readonly namespace?: string | undefined },
  defaultNamespace: string,
): FunctionRef {
  return { name: service, namespace: namespace || defaultNamespace };
}

/** `name.namespace`: the key of tables, metrics and log lines. */
export function qualifiedName(ref: FunctionRef): string {
  return `${ref.name}.${ref.namespace}`;
}
