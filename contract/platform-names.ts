/** Names that the platform's own services answer to: no function of the default namespace may have one. */
export const PLATFORM_SERVICES: readonly string[] = [
  'gateway',
  'queue-worker',
  'nats',
  'prometheus',
  'alertmanager',
  'grafana',
  'registry',
  'registry-host',
  'registry-overlay',
];

/** Keys of labels that only the platform may write: its own, and those that Docker reads. */
const RESERVED_LABEL_PREFIXES: readonly string[] = ['com.openfaas.annotations.', 'skep.', 'com.docker.'];

export function isReservedLabel(key: string): boolean {
  return RESERVED_LABEL_PREFIXES.some((prefix) => key.startsWith(prefix));
}

/** Whether a label or annotation can have this key. */
export function isLabelKey(key: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  return key !== '' && key !== '__proto__' && !/[\u0000-\u001f\u007f]/.test(key);
}
