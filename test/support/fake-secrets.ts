import { qualifiedName } from '../../contract/function-ref.ts';
import type { SecretRef } from '../../contract/parse-secret.ts';
import { FaasError } from '../../gateway/errors.ts';
import type { SecretStore } from '../../gateway/functions/secret-store.ts';
import type { FakeProvider } from './fake-provider.ts';

export type FakeSecrets = SecretStore & {
  /** The newest value, as text. */
  valueOf(ref: SecretRef): string | undefined;
};

/** The port of secrets in memory; functions of the fake provider can mount them. */
export function createFakeSecrets(provider: FakeProvider): FakeSecrets {
  const kept = new Map<string, { readonly ref: SecretRef; value: Uint8Array }>();
  const find = (ref: SecretRef) => {
    const one = kept.get(qualifiedName(ref));
    if (one === undefined) throw new FaasError('secret_not_found', `secret ${qualifiedName(ref)} not found`);
    return one;
  };

  return {
    list: async (namespace) => {
      await provider.ping();
      return [...kept.values()]
        .map(({ ref }) => ref)
        .filter((ref) => ref.namespace === namespace)
        .sort((left, right) => (left.name < right.name ? -1 : 1));
    },
    create: async (ref, value) => {
      await provider.ping();
      const key = qualifiedName(ref);
      if (kept.has(key))
        throw new FaasError('secret_exists', `secret ${key} exists already: update it with PUT`);
      kept.set(key, { ref: { name: ref.name, namespace: ref.namespace }, value });
      provider.cluster.addSecret(key);
    },
    update: async (ref, value) => {
      await provider.ping();
      find(ref).value = value;
    },
    remove: async (ref) => {
      find(ref);
      const users = (await provider.list(ref.namespace)).filter((fn) => fn.secrets?.includes(ref.name));
      if (users.length > 0) {
        throw new FaasError(
          'secret_in_use',
          `secret ${qualifiedName(ref)} is used by ${users.map(qualifiedName).join(', ')}`,
        );
      }
      kept.delete(qualifiedName(ref));
      provider.cluster.removeSecret(qualifiedName(ref));
    },
    // Of each secret there is one version here.
    removeUnused: async () => {},
    valueOf: (ref) => {
      const value = kept.get(qualifiedName(ref))?.value;
      return value === undefined ? undefined : Buffer.from(value).toString('utf8');
    },
  };
}
