import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import type { ReplicaScaler } from './apply.ts';

/**
 * Gives a sleeping function its first replicas: its minimum, but at least one. On what the cluster says then: whoever found
 * it asleep may have looked before another scaled it up, and must not scale it down again.
 * @throws {ContractError} for a scale label that is no number (a service changed by hand)
 * @throws {FaasError} `function_not_found`, `provider_unavailable`
 */
export async function wakeFunction(scaler: Pick<ReplicaScaler, 'change'>, ref: FunctionRef): Promise<void> {
  await scaler.change(ref, {
    cause: 'wake',
    decide: ({ replicas, labels }) => (replicas > 0 ? replicas : Math.max(1, parseScaleLabels(labels).min)),
  });
}

/**
 * The same for many who ask at once, each process for the calls that wait in it: while one of them is answered, the others get
 * the same answer.
 * @param refOf the function of a key (`name.namespace`); undefined: there is none
 */
export function createWaker(
  scaler: Pick<ReplicaScaler, 'change'>,
  refOf: (key: string) => FunctionRef | undefined,
): (key: string) => Promise<void> {
  const waking = new Map<string, Promise<void>>();
  return async (key) => {
    const ref = refOf(key);
    if (ref === undefined) {
      throw new FaasError('function_not_found', `${key} was removed while the call waited for it`);
    }
    const begun = waking.get(key);
    if (begun !== undefined) return begun;
    const wakeUp = wakeFunction(scaler, ref).finally(() => waking.delete(qualifiedName(ref)));
    waking.set(key, wakeUp);
    return wakeUp;
  };
}
