import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { ScalingCause } from './scaling-cause.ts';

/** What a function's labels say about its scaling, as far as it is shown. */
export interface ScalingSettings {
  readonly min: number;
  readonly max: number;
  /** Functions that scale by target only. */
  readonly target?: { readonly scalingType: string; readonly load: number };
  /** What changes its replica count most often. */
  readonly cause: ScalingCause;
}

const DEFAULT_TARGET = 50;

/** The labels are the same object as long as the service is the same: they are read once, not with each read of the cluster. */
const known = new WeakMap<
  Readonly<Record<string, string>>,
  { readonly settings: ScalingSettings | undefined }
>();

/** @returns undefined where the labels are wrong: a service that was not deployed through the gateway may carry anything */
export function scalingSettingsOf(labels: Readonly<Record<string, string>>): ScalingSettings | undefined {
  const before = known.get(labels);
  if (before !== undefined) return before.settings;
  const settings = read(labels);
  known.set(labels, { settings });
  return settings;
}

function read(labels: Readonly<Record<string, string>>): ScalingSettings | undefined {
  try {
    const { min, max } = parseScaleLabels(labels);
    const scalingType = labels['com.openfaas.scale.type'];
    if (scalingType === undefined) return { min, max, cause: 'alert' };
    const load = Number(labels['com.openfaas.scale.target'] ?? DEFAULT_TARGET);
    return { min, max, target: { scalingType, load }, cause: causeOf(scalingType) };
  } catch {
    return undefined;
  }
}

function causeOf(scalingType: string): ScalingCause {
  return scalingType === 'rps' || scalingType === 'capacity' || scalingType === 'cpu'
    ? scalingType
    : 'custom';
}
