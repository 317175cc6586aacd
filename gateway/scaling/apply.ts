import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { FaasError } from '../errors.ts';
import type { Provider } from '../functions/provider.ts';
import type { ScalingCause } from '../functions/scaling-cause.ts';
import type { LogFields, Logger } from '../log.ts';

export interface Scaling {
  readonly ref: FunctionRef;
  readonly cause: ScalingCause;
  readonly from: number;
  readonly to: number;
}

export interface ReplicaChange {
  readonly cause: ScalingCause;
  /** The count to ask for, by what the cluster says of the function now; the count that is there: nothing is done. */
  readonly decide: (now: FunctionStatus) => number | Promise<number>;
  /** More for the line of the log. */
  readonly about?: LogFields;
  /** When it is aborted the caller is told that it took too long, and what was not begun is not begun any more. */
  readonly limit?: AbortSignal;
}

export interface ReplicaScalerOptions {
  readonly provider: Pick<Provider, 'read' | 'scale'>;
  readonly logger: Logger;
  /** A count was changed. */
  readonly onScaled?: (scaling: Scaling) => void;
}

/**
 * The one place that changes replica counts, whoever decides: changes of one function one after the other, each on what the
 * cluster says then, those of different functions side by side.
 */
export class ReplicaScaler {
  readonly #options: ReplicaScalerOptions;
  /** The last piece of work of each function that has any. */
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(options: ReplicaScalerOptions) {
    this.#options = options;
  }

  /**
   * Resolves once the cluster has accepted the change; with undefined when there was none to make.
   * @throws {FaasError} `function_not_found`, `provider_unavailable`; and whatever `decide` throws
   */
  async change(ref: FunctionRef, change: ReplicaChange): Promise<Scaling | undefined> {
    const key = qualifiedName(ref);
    const work = (this.#tails.get(key) ?? Promise.resolve()).then(() => this.#apply(ref, change));
    // The tail lasts as long as the cluster works on it, also after the caller gave up.
    const tail = work
      .catch(() => {
        // Told to the caller below.
      })
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return change.limit === undefined ? work : Promise.race([work, rejectWhenAborted(change.limit)]);
  }

  async #apply(ref: FunctionRef, change: ReplicaChange): Promise<Scaling | undefined> {
    const { provider, logger, onScaled } = this.#options;
    const { cause, limit } = change;
    const isTooLate = (): boolean => limit?.aborted === true;
    if (isTooLate()) return undefined; // one of thousands behind a slow cluster: nobody waits for it any more
    const now = await provider.read(ref);
    const from = now.replicas;
    const to = await change.decide(now);
    // What was told as failed may be asked for again: applied late, it would count twice.
    if (to === from || isTooLate()) return undefined;
    await provider.scale(ref, to);
    logger.info(`scaled by ${cause}`, { function: qualifiedName(ref), ...change.about, from, to });
    const scaling = { ref, cause, from, to };
    onScaled?.(scaling);
    return scaling;
  }
}

function rejectWhenAborted(limit: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = (): void =>
      reject(new FaasError('provider_unavailable', 'the cluster did not answer in time'));
    if (limit.aborted) giveUp();
    else limit.addEventListener('abort', giveUp, { once: true });
  });
}
