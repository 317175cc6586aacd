import { readFileSync } from 'node:fs';
import { type Arrivals, byChance, evenly } from './arrivals.ts';

/** A load over time. */
export interface Shape {
  readonly name: string;
  /** What it is, for the picture. */
  readonly title: string;
  readonly seconds: number;
  readonly perSecond: (atS: number) => number;
  /** Each simulation of it gets the same calls. */
  readonly arrivals: () => Arrivals;
  /** When the load rises of which the time to the first decision is told. */
  readonly risesAtS?: number;
}

const MINUTE_S = 60;

export const STEP: Shape = {
  name: 'step',
  title: 'From 20 to 150 calls a second and back',
  seconds: 8 * MINUTE_S,
  // Begins between two ticks, scrapes and evaluations.
  perSecond: (atS) => (atS >= 61.3 && atS < 301.3 ? 150 : 20),
  arrivals: () => byChance(1),
  risesAtS: 61.3,
};

export const BURST: Shape = {
  name: 'burst',
  title: 'Bursts of 10 s with 200 calls a second, every two minutes, over 10',
  seconds: 10 * MINUTE_S,
  perSecond: (atS) => (atS > MINUTE_S && (atS - 62.2) % 120 < 10 && (atS - 62.2) % 120 >= 0 ? 200 : 10),
  arrivals: () => byChance(2),
  risesAtS: 62.2,
};

export const DIURNAL: Shape = {
  name: 'diurnal',
  title: 'A day in two hours: 5 calls a second at night, 180 at noon',
  seconds: 120 * MINUTE_S,
  perSecond: (atS) => 5 + 175 * Math.sin((Math.PI * atS) / (120 * MINUTE_S)) ** 2,
  arrivals: () => byChance(3),
};

export const SAW_TOOTH: Shape = {
  name: 'saw-tooth',
  title: 'Up to 200 calls a second in three minutes, then none, again and again',
  seconds: 15 * MINUTE_S,
  perSecond: (atS) => (200 * (atS % (3 * MINUTE_S))) / (3 * MINUTE_S),
  arrivals: () => byChance(4),
};

export const STEADY: Shape = {
  name: 'steady',
  title: '50.4 calls a second by chance: exactly what four replicas are due for',
  seconds: 60 * MINUTE_S,
  perSecond: () => 50.4,
  arrivals: () => byChance(5),
};

export const NAPS: Shape = {
  name: 'naps',
  title: 'Half a minute of 30 calls a second, every ten minutes',
  seconds: 30 * MINUTE_S,
  perSecond: (atS) => (atS % (10 * MINUTE_S) >= 30.7 && atS % (10 * MINUTE_S) < 60 ? 30 : 0),
  arrivals: () => byChance(6),
  risesAtS: 30.7,
};

/** What a dead band as wide as half a minute leaves open costs most at low rates. */
export const TRICKLE: Shape = {
  name: 'trickle',
  title: '10 calls a second, after two minutes of 40',
  seconds: 60 * MINUTE_S,
  perSecond: (atS) => (atS < 2 * MINUTE_S ? 40 : 10),
  arrivals: () => byChance(9),
};

/** Begins at midnight, as schedules see it. */
const OPENING: Shape = {
  name: 'opening',
  title: 'A shop that opens at one: from 2 to 120 calls a second, until two',
  seconds: 150 * MINUTE_S,
  perSecond: (atS) => (atS >= 60 * MINUTE_S && atS < 120 * MINUTE_S ? 120 : 2),
  arrivals: () => byChance(8),
  risesAtS: 60 * MINUTE_S,
};

/** A shape of per-second calls in `shapes/NAME.txt`. */
function recordedShape(name: string, title: string): Shape {
  const calls = readFileSync(new URL(`shapes/${name}.txt`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(Number);
  if (calls.length === 0 || calls.some((count) => !(count >= 0)))
    throw new Error(`shapes/${name}.txt: expected counts`);
  return {
    name,
    title,
    seconds: calls.length,
    perSecond: (atS) => calls[Math.floor(atS)] ?? 0,
    arrivals: evenly,
  };
}

export const SHAPES: readonly Shape[] = [
  STEP,
  BURST,
  DIURNAL,
  SAW_TOOTH,
  STEADY,
  NAPS,
  OPENING,
  recordedShape('zero-loss-soak', 'Recorded: a soak of the zero-loss tests, 200 calls a second with pauses'),
];
