import { ContractError } from '../../contract/contract-error.ts';
import type { FunctionRef } from '../../contract/function-ref.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import type { ReplicaScaler } from './apply.ts';
import { minimumAt } from './schedule.ts';

/**
 * Gives a sleeping function its first replicas: the minimum that holds now, but at least one. On what the cluster says then:
 * whoever found it asleep may have looked before another scaled it up, and must not scale it down again.
 * @returns whether it was asleep
 * @throws {FaasError} `function_not_found`, `provider_unavailable`
 */
export async function wakeFunction(
  scaler: Pick<ReplicaScaler, 'change'>,
  ref: FunctionRef,
): Promise<boolean> {
  const scaling = await scaler.change(ref, {
    cause: 'wake',
    decide: ({ replicas, labels }) => (replicas > 0 ? replicas : Math.max(1, minimumOf(labels))),
  });
  return scaling !== undefined;
}

function minimumOf(labels: Readonly<Record<string, string>>): number {
  try {
    return minimumAt(parseScaleLabels(labels), Date.now());
  } catch (error) {
    // A service that was changed by hand: the autoscaler tells of it, and who calls is served all the same.
    if (error instanceof ContractError) return 1;
    throw error;
  }
}

export interface WakerOptions {
  readonly scaler: Pick<ReplicaScaler, 'change'>;
  /** The function of a key (`name.namespace`); undefined: there is none. */
  readonly refOf: (key: string) => FunctionRef | undefined;
  /** A function was asleep and has been asked for. @param askedAt when a call wanted it, by `performance.now` */
  readonly onWoken?: (key: string, askedAt: number) => void;
}

/**
 * The same for many who ask at once, each process for the calls that wait in it: while one of them is answered, the others get
 * the same answer.
 */
export function createWaker({ scaler, refOf, onWoken }: WakerOptions): (key: string) => Promise<void> {
  const waking = new Map<string, Promise<void>>();
  const wake = async (key: string, ref: FunctionRef): Promise<void> => {
    const askedAt = performance.now();
    if (await wakeFunction(scaler, ref)) onWoken?.(key, askedAt);
  };
  return async (key) => {
    const ref = refOf(key);
    if (ref === undefined) {
      throw new FaasError('function_not_found', `${key} was removed while the call waited for it`);
    }
    const begun = waking.get(key);
    if (begun !== undefined) return begun;
    const wakeUp = wake(key, ref).finally(() => waking.delete(key));
    waking.set(key, wakeUp);
    return wakeUp;
  };
}
