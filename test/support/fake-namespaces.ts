import type { FunctionNamespace } from '../../contract/parse-namespace.ts';
import { checkLabels } from '../../gateway/functions/labels.ts';
import type { NamespaceStore } from '../../gateway/functions/namespace-store.ts';
import { alreadyExists, notFound } from '../../gateway/functions/namespaces.ts';

/** The port of namespaces in memory. What their labels may be is checked by Swarm's own rules. */
export function createFakeNamespaces(): NamespaceStore {
  const kept = new Map<string, FunctionNamespace>();
  return {
    list: async () => [...kept.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
    create: async (namespace) => {
      checkLabels(namespace);
      if (kept.has(namespace.name)) throw alreadyExists(namespace.name);
      kept.set(namespace.name, structuredClone(namespace));
    },
    update: async (namespace) => {
      checkLabels(namespace);
      if (!kept.has(namespace.name)) throw notFound(namespace.name);
      kept.set(namespace.name, structuredClone(namespace));
    },
    remove: async (name) => {
      if (!kept.delete(name)) throw notFound(name);
    },
  };
}
