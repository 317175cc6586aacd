import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
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
  const refOf = ({ service, namespace }: FunctionDeployment): FunctionRef => ({
    name: service,
    namespace: namespace || defaultNamespace,
  });
  return {
    ...provider,
    create: (deployment) => then(provider.create(deployment), refOf(deployment)),
    update: (deployment) => then(provider.update(deployment), refOf(deployment)),
    remove: (ref) => then(provider.remove(ref), ref),
    scale: (ref, desired) => then(provider.scale(ref, desired), ref),
  };
}
