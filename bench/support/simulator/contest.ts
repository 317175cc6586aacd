import { MODEL, perReplica } from './replica-model.ts';
import { byAlert, byTarget, type Labels, type Scaler } from './scalers.ts';
import { SHAPES, type Shape } from './shapes.ts';
import { type Simulation, simulate } from './simulate.ts';

/** What the labels of the scalers compared say: a replica takes 20 calls a second (four at a time, 0.2 s each). */
export const RPS: Labels = { type: 'rps', target: '14' };
export const CAPACITY: Labels = { type: 'capacity', target: '4', 'target-proportion': '0.75' };
const OPEN: Labels = { 'com.skep.scale.schedule': '57-59 0 * * * = 10; * 1 * * * = 10' };
const ZERO: Labels = { zero: 'true', 'zero-duration': '2m' };

/** The scalers that a shape is replayed through. */
function scalersFor({ name }: Shape): readonly Scaler[] {
  const scalers = [
    byAlert('alert'),
    byTarget('rps', { labels: RPS }),
    byTarget('capacity', { labels: CAPACITY }),
  ];
  if (name === 'naps') scalers.push(byTarget('rps, to zero', { labels: { ...RPS, ...ZERO } }));
  if (name === 'opening') scalers.push(byTarget('rps, with a schedule', { labels: { ...RPS, ...OPEN } }));
  return scalers;
}

/** Each shape through each scaler. */
export function contest(shapes: readonly Shape[] = SHAPES): { shape: Shape; runs: Simulation[] }[] {
  return shapes.map((shape) => ({
    shape,
    runs: scalersFor(shape).map((scaler) => simulate({ shape, scaler })),
  }));
}

export const CALLS_PER_REPLICA = perReplica(MODEL);

/** Rows of a Markdown table: the same runs give the same text. */
export function figures(runs: readonly Simulation[]): string {
  const rows = runs.map(({ shape, scaler, replicaSeconds, calls, over, reactionS, changes, turns }) => [
    shape,
    scaler,
    String(replicaSeconds),
    `${over} of ${calls} (${((100 * over) / calls).toFixed(1)} %)`,
    reactionS === undefined ? '' : `${reactionS.toFixed(1)} s`,
    String(changes),
    String(turns),
  ]);
  const head = [
    'shape',
    'scaler',
    'replica-seconds',
    'calls over what was there',
    'reaction',
    'changes',
    'turns',
  ];
  return `${[head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}
