import type { ScaleLabels } from '../../contract/parse-scale-labels.ts';

export interface ScaleInput extends Pick<ScaleLabels, 'min' | 'max' | 'factorPercent' | 'zero'> {
  readonly alert: 'firing' | 'resolved';
  /** Replicas asked for now. */
  readonly current: number;
}

/** The replica count an alert asks for. Pure: the caller fetches the input and applies the answer. */
export function desiredReplicas({ alert, current, min, max, factorPercent }: ScaleInput): number {
  if (factorPercent === 0) return current; // 0 switches scaling off, both ways
  // It was put to sleep: that the load has ended is no reason to wake it.
  if (alert === 'resolved') return current === 0 ? 0 : min;
  const step = Math.ceil((max / 100) * factorPercent); // the contract's order: rounding noise included
  return Math.max(min, Math.min(max, current + step));
}
