import { ContractError } from '../../contract/contract-error.ts';
import { splitFunctionName } from '../../contract/function-ref.ts';
import type { AlertEntry, FunctionAlert } from '../../contract/parse-alerts.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ReplicaScaler } from './apply.ts';
import { desiredReplicas } from './desired-replicas.ts';

export interface AlertScalerOptions {
  readonly scaler: Pick<ReplicaScaler, 'change'>;
  readonly logger: Logger;
  readonly defaultNamespace: string;
  /** Longest wait of one alert for those before it and the cluster. Default 5000. */
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
      await this.#apply(alert);
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

  async #apply({ functionName, status }: FunctionAlert): Promise<void> {
    const { scaler, defaultNamespace, timeoutMs = 5000 } = this.#options;
    await scaler.change(splitFunctionName(functionName, defaultNamespace), {
      cause: 'alert',
      limit: AbortSignal.timeout(timeoutMs),
      about: { status },
      decide: ({ replicas: current, labels }) =>
        desiredReplicas({ ...parseScaleLabels(labels), alert: status, current }),
    });
  }
}
