import { deployedRef, type FunctionRef } from '../../contract/function-ref.ts';
import type { Provider } from './provider.ts';

/**
 * The same provider, but a change resolves only after `afterChange` has.
 * @param afterChange must not reject: the change itself has succeeded
 */
export function notifying(
  provider: Provider,
  defaultNamespace: string,
  afterChange: (ref: FunctionRef) => Promise<void>,
): Provider {
  const then = async (change: Promise<void>, ref: FunctionRef): Promise<void> => {
    await change;
    await afterChange(ref);
  };
  return {
    ...provider,
    create: (deployment) => then(provider.create(deployment), deployedRef(deployment, defaultNamespace)),
    update: (deployment) => then(provider.update(deployment), deployedRef(deployment, defaultNamespace)),
    remove: (ref) => then(provider.remove(ref), ref),
    scale: (ref, desired) => then(provider.scale(ref, desired), ref),
  };
}
