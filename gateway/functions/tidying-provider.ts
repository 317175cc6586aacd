import type { Provider } from './provider.ts';

/**
 * The same provider, but a change that may leave something unused is followed by `tidy`, which nobody waits for.
 * @param tidy must not throw: the change itself has succeeded
 */
export function tidying(provider: Provider, tidy: () => void): Provider {
  return {
    ...provider,
    update: async (deployment) => {
      await provider.update(deployment);
      tidy();
    },
    remove: async (ref) => {
      await provider.remove(ref);
      tidy();
    },
  };
}
