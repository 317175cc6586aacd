import type { Provider } from './provider.ts';

/**
 * The same provider, but a change resolves only after `afterChange` has.
 * @param afterChange must not reject: the change itself has succeeded
 */
export function notifying(provider: Provider, afterChange: () => Promise<void>): Provider {
  const then = async (change: Promise<void>): Promise<void> => {
    await change;
    await afterChange();
  };
  return {
    ...provider,
    create: (deployment) => then(provider.create(deployment)),
    update: (deployment) => then(provider.update(deployment)),
    remove: (ref) => then(provider.remove(ref)),
    scale: (ref, desired) => then(provider.scale(ref, desired)),
  };
}
