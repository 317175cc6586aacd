import { ContractError } from '../../contract/contract-error.ts';
import { qualifiedName, splitFunctionName } from '../../contract/function-ref.ts';
import type { AlertEntry, FunctionAlert } from '../../contract/parse-alerts.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import type { Provider } from '../functions/provider.ts';
import type { Logger } from '../log.ts';
import { desiredReplicas } from './desired-replicas.ts';

export interface AlertScalerOptions {
  readonly provider: Pick<Provider, 'read' | 'scale'>;
  readonly logger: Logger;
  readonly defaultNamespace: string;
  /** Longest wait of one alert for the cluster. Default 5000. */
  readonly timeoutMs?: number;
}

export interface AlertFailure {
  /** `the name as the alert had it: the reason` */
  readonly message: string;
  /** Whether sending the same alert again may help. */
  readonly isTransient: boolean;
}

/** Applies alerts to replica counts: those of one function one after the other, those of different ones side by side. */
export class AlertScaler {
  readonly #options: AlertScalerOptions;
  /** The last piece of work of each function that has any. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(options: AlertScalerOptions) {
    this.#options = options;
  }

  /** Every alert is tried, whatever becomes of the others. Resolves with those that failed. */
  async handle(alerts: readonly AlertEntry[]): Promise<AlertFailure[]> {
    const results = await Promise.all(alerts.map((alert) => this.#settle(alert)));
    return results.filter((failure) => failure !== undefined);
  }

  async #settle(alert: AlertEntry): Promise<AlertFailure | undefined> {
    if (alert instanceof ContractError) return { message: alert.message, isTransient: false };
    try {
      await this.#inTurn(alert);
      return undefined;
    } catch (error) {
      const { functionName, status } = alert;
      if (error instanceof FaasError && error.code === 'function_not_found') {
        this.#options.logger.info('alert for an unknown function passed over', {
          function: functionName,
          status,
        });
        return undefined;
      }
      this.#options.logger.error('alert failed', { function: functionName, status, error });
      return {
        message: `${functionName}: ${(error as Error).message}`,
        isTransient: !(error instanceof ContractError || (error instanceof FaasError && error.status < 500)),
      };
    }
  }

  /** Waits for the function's earlier alerts, then applies this one; gives up when both took too long. */
  async #inTurn(alert: FunctionAlert): Promise<void> {
    const ref = splitFunctionName(alert.functionName, this.#options.defaultNamespace);
    const key = qualifiedName(ref);
    const limit = AbortSignal.timeout(this.#options.timeoutMs ?? 5000);
    const work = (this.#tails.get(key) ?? Promise.resolve()).then(() => this.#apply(alert, limit));
    // The tail lasts as long as the cluster works on it, also after the caller gave up.
    const tail = work
      .catch(() => {
        // Told to the caller below.
      })
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    await Promise.race([work, rejectWhenAborted(limit)]);
  }

  async #apply({ functionName, status }: FunctionAlert, limit: AbortSignal): Promise<void> {
    const { provider, defaultNamespace, logger } = this.#options;
    const ref = splitFunctionName(functionName, defaultNamespace);
    if (limit.aborted) return; // one of thousands behind a slow cluster: nobody waits for it any more
    const { replicas: current, labels } = await provider.read(ref);
    const target = desiredReplicas({ ...parseScaleLabels(labels), alert: status, current });
    // An alert told as failed will be sent again: applied late, it would count twice.
    if (limit.aborted || target === current) return;
    await provider.scale(ref, target);
    logger.info('scaled by alert', { function: qualifiedName(ref), status, from: current, to: target });
  }
}

function rejectWhenAborted(limit: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    limit.addEventListener(
      'abort',
      () => reject(new FaasError('provider_unavailable', 'the cluster did not answer in time')),
      { once: true },
    );
  });
}
