import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { ScalingCause } from '../functions/scaling-cause.ts';

/** What a function's labels say about its scaling, as far as it is shown. */
export interface ScalingSettings {
  readonly min: number;
  readonly max: number;
  /** Functions that scale by target only. */
  readonly target?: { readonly scalingType: string; readonly load: number };
  /** What changes its replica count most often. */
  readonly cause: ScalingCause;
}

/**
 * @param defaultTarget load of one replica of functions that say a type and no target
 * @returns undefined where the labels are wrong: a service that was not deployed through the gateway may carry anything
 */
export function readScalingSettings(
  labels: Readonly<Record<string, string>>,
  defaultTarget: number,
): ScalingSettings | undefined {
  try {
    const { min, max, type, target = defaultTarget } = parseScaleLabels(labels);
    if (type === undefined) return { min, max, cause: 'alert' };
    return { min, max, target: { scalingType: type, load: target }, cause: causeOf(type) };
  } catch {
    return undefined;
  }
}

/** Those that the gateway knows by themselves. */
const OWN_TYPES = ['rps', 'capacity', 'cpu', 'queue'] as const;

function causeOf(scalingType: string): ScalingCause {
  const cause = OWN_TYPES.find((type) => type === scalingType);
  return cause ?? 'custom';
}
