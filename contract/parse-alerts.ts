import { ContractError } from './contract-error.ts';
import { kindOf, optionalString, ownValue, parseObject } from './parse-json.ts';

/** What one entry of Alertmanager's webhook says about one function. */
export interface FunctionAlert {
  readonly status: 'firing' | 'resolved';
  /** Label function_name as it came: `name` or `name.namespace`. */
  readonly functionName: string;
}

/** One entry, or why it can not be read: a bad entry does not take the others with it. */
export type AlertEntry = FunctionAlert | ContractError;

/**
 * The body of POST /system/alert: `{"alerts": [{"status": "firing", "labels": {"function_name": "fn.ns"}}]}`.
 * @throws {ContractError} when there is no list of alerts
 */
export function parseAlerts(value: unknown): AlertEntry[] {
  const alerts = ownValue(parseObject(value, 'the body'), 'alerts');
  if (!Array.isArray(alerts)) throw new ContractError(`alerts: expected a list, not ${kindOf(alerts)}`);
  return alerts.map((alert: unknown, index) => {
    try {
      return parseAlert(alert, `alerts[${index}]`);
    } catch (error) {
      if (error instanceof ContractError) return error;
      throw error;
    }
  });
}

function parseAlert(value: unknown, path: string): FunctionAlert {
  const alert = parseObject(value, path);
  const status = ownValue(alert, 'status');
  if (status !== 'firing' && status !== 'resolved') {
    const given = typeof status === 'string' ? JSON.stringify(status.slice(0, 100)) : kindOf(status);
    throw new ContractError(`${path}.status: expected firing or resolved, not ${given}`);
  }
  const labels = parseObject(ownValue(alert, 'labels'), `${path}.labels`);
  const functionName = optionalString(labels, 'function_name', `${path}.labels.function_name`);
  if (functionName === undefined) throw new ContractError(`${path}.labels.function_name: is required`);
  return { status, functionName };
}
