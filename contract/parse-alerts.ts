import { createHash } from 'node:crypto';
import { ContractError } from './contract-error.ts';
import { type JsonObject, kindOf, optionalString, ownValue, parseObject } from './parse-json.ts';

/** What one entry of Alertmanager's webhook says about one function. */
export interface FunctionAlert {
  readonly status: 'firing' | 'resolved';
  /** Label function_name as it came: `name` or `name.namespace`. */
  readonly functionName: string;
  /** Which alert it is; absent when the entry does not say since when, as those written by hand. */
  readonly occurrence?: AlertOccurrence;
}

/** An alert from its begin to its end, in each of its notifications the same. */
export interface AlertOccurrence {
  /** The alert, whenever it fires: Alertmanager's fingerprint of its labels, or one of our own. */
  readonly id: string;
  readonly startsAtMs: number;
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
  const occurrence = readOccurrence(alert, labels);
  return { status, functionName, ...(occurrence && { occurrence }) };
}

/** The contract reads neither field, so one that is no time or no text is as good as none. */
function readOccurrence(alert: JsonObject, labels: JsonObject): AlertOccurrence | undefined {
  const startsAt = ownValue(alert, 'startsAt');
  const startsAtMs = typeof startsAt === 'string' ? Date.parse(startsAt) : Number.NaN;
  // Go writes a time that was never set as that of year 1.
  if (!(startsAtMs > 0)) return undefined;
  const fingerprint = ownValue(alert, 'fingerprint');
  const isOne = typeof fingerprint === 'string' && /^[0-9a-f]{1,64}$/i.test(fingerprint);
  return { id: isOne ? fingerprint : fingerprintOf(labels), startsAtMs };
}

function fingerprintOf(labels: JsonObject): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 32);
}
