import type { FunctionRef } from '../../contract/function-ref.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { Provider } from '../functions/provider.ts';

/**
 * Gives a sleeping function its first replicas: its minimum, but at least one. Asks the cluster before: whoever found
 * it asleep may have looked before another scaled it up, and must not scale it down again.
 * @throws {ContractError} for a scale label that is no number (a service changed by hand)
 * @throws {FaasError} `function_not_found`, `provider_unavailable`
 */
export async function wakeFunction(
  provider: Pick<Provider, 'read' | 'scale'>,
  ref: FunctionRef,
): Promise<void> {
  const { replicas, labels } = await provider.read(ref);
  if (replicas === 0) await provider.scale(ref, Math.max(1, parseScaleLabels(labels).min));
}
