import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';

/**
 * How many replicas the first call of a sleeping function asks for: its minimum, but at least one.
 * @throws {ContractError} for a scale label that is no number (a service changed by hand)
 */
export function firstReplicas(labels: Readonly<Record<string, string>>): number {
  return Math.max(1, parseScaleLabels(labels).min);
}
