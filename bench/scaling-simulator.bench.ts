// Question: what do the rules of scaling make of a load? Candidates: the gateway's own decisions by alert, rps, capacity and to zero, on
// loads replayed in simulated time; no machine is needed, and the same rules give the same figures. Pictures go to docs/pictures/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { TARGET_RULES, type TargetRules } from '../gateway/scaling/target-scaler.ts';
import { record } from './support/record.ts';
import { byChance, evenly } from './support/simulator/arrivals.ts';
import { CALLS_PER_REPLICA, CAPACITY, contest, figures, RPS } from './support/simulator/contest.ts';
import { picture } from './support/simulator/picture.ts';
import { byTarget, type Sight, type TargetScalerModel } from './support/simulator/scalers.ts';
import { BURST, DIURNAL, SAW_TOOTH, type Shape, STEADY, STEP, TRICKLE } from './support/simulator/shapes.ts';
import { type Simulation, simulate } from './support/simulator/simulate.ts';

const PICTURES = new URL('../docs/pictures/', import.meta.url);
const GUIDE = new URL('../docs/scaling.md', import.meta.url);
/** What of the guide is written here. */
const WRITTEN = /(<!-- written by [^>]* -->\n)[\s\S]*(<!-- end -->)/;

export function run(): Promise<void> {
  const contests = contest();
  mkdirSync(PICTURES, { recursive: true });
  for (const { shape, runs } of contests) {
    writeFileSync(
      new URL(`scaling-${shape.name}.svg`, PICTURES),
      picture({ shape, runs, perReplica: CALLS_PER_REPLICA }),
    );
  }
  const table = figures(contests.flatMap(({ runs }) => runs));
  const others = figures(alternatives());
  writeFileSync(
    new URL('scaling-figures.md', PICTURES),
    `Written by \`npm run bench -- scaling-simulator\`.\n\n${table}\nAlternatives:\n\n${others}`,
  );
  const guide = readFileSync(GUIDE, 'utf8');
  writeFileSync(
    GUIDE,
    guide.replace(WRITTEN, (_, begin: string, end: string) => `${begin}\n${table}\n${end}`),
  );
  console.log(`${table}\n${others}`);
  for (const { runs } of contests) for (const simulation of runs) recordRun(simulation);
  for (const type of ['rps', 'capacity'] as const) {
    record(`simulated ${type}: slowest reaction to a step, any phase`, slowestReaction(type), 's', '<= 2');
  }
  record(
    'simulated rps: turns in 72 h of constant load, evenly and by chance',
    turnsOfRates(),
    'turns',
    '<= 0',
  );
  record('simulated capacity: turns in 12 h of calls that last', turnsOfLastingCalls(), 'turns', '<= 0');
  record('simulated capacity: turns in 12 h of quick calls by chance', turnsOfQuickCalls(), 'turns');
  return Promise.resolve();
}

function recordRun({ shape, scaler, replicaSeconds, over, calls }: Simulation): void {
  record(`simulated ${shape}, ${scaler}: cost`, replicaSeconds, 'replica-seconds');
  record(`simulated ${shape}, ${scaler}: calls over`, (100 * over) / calls, '%');
}

/** Steps that begin anywhere between two ticks. */
function slowestReaction(type: 'rps' | 'capacity'): number {
  let slowest = 0;
  for (let phase = 0; phase < 10; phase++) {
    for (const [before, after] of [
      [0, 50],
      [10, 100],
      [100, 300],
    ] as const) {
      const risesAtS = 120 + phase / 10;
      const shape: Shape = {
        name: 'phase',
        title: '',
        seconds: 140,
        perSecond: (atS) => (atS < risesAtS ? before : after),
        arrivals: () => byChance(phase),
        risesAtS,
      };
      const labels = { ...(type === 'rps' ? RPS : CAPACITY), max: '100' };
      const { reactionS } = simulate({ shape, scaler: byTarget(type, { labels }) });
      slowest = Math.max(slowest, reactionS ?? Number.POSITIVE_INFINITY);
    }
  }
  return slowest;
}

/** Hours of a load that stays the same, evenly and by chance, below, at and above what a number of replicas is due for. */
function turnsOfRates(): number {
  let turns = 0;
  for (const replicas of [1, 3, 12]) {
    for (const part of [0.9, 0.97, 1, 1.03]) {
      for (const arrivals of [evenly, () => byChance(Math.round(100 * part) + replicas)]) {
        const perSecond = 12.6 * replicas * part;
        const shape = { ...STEADY, seconds: 3 * 3600, perSecond: () => perSecond, arrivals };
        const scaler = byTarget('rps', { labels: RPS });
        turns += Math.max(0, simulate({ shape, scaler }).turns - 1); // one from the overshoot of the beginning
      }
    }
  }
  return turns;
}

/** Calls of minutes that come one after the other, so that there are always as many. */
function turnsOfLastingCalls(): number {
  const shape = { ...STEADY, seconds: 12 * 3600, perSecond: () => 0, arrivals: evenly };
  let turns = 0;
  for (const inFlight of [1, 3, 11, 12, 40]) {
    const scaler = byTarget('capacity', { labels: CAPACITY });
    const lasting = { ...scaler, look: (sight: Sight) => scaler.look({ ...sight, inFlight }) };
    turns += simulate({ shape, scaler: lasting }).turns;
  }
  return turns;
}

function turnsOfQuickCalls(): number {
  let turns = 0;
  for (const [index, perSecond] of [10, 50.4, 120].entries()) {
    const arrivals = (): ReturnType<typeof byChance> => byChance(index);
    const shape = { ...STEADY, seconds: 4 * 3600, perSecond: () => perSecond, arrivals };
    turns += simulate({ shape, scaler: byTarget('capacity', { labels: CAPACITY }) }).turns;
  }
  return turns;
}

/** What else was tried. */
function alternatives(): Simulation[] {
  const { rate } = TARGET_RULES;
  const rules = (other: Partial<TargetRules['rate']>, more: Partial<TargetRules> = {}): TargetRules => ({
    ...TARGET_RULES,
    ...more,
    rate: { ...rate, ...other },
  });
  const tried: readonly [string, Omit<TargetScalerModel, 'labels'>][] = [
    ['as it is', {}],
    ['completed calls instead of accepted ones', { counts: 'completed' }],
    [
      '30 s mean alone',
      { rules: rules({ burstMs: [], stableMs: [30_000], removeBeyond: 0 }, { keptMs: 0 }) },
    ],
    ['no panic window', { rules: rules({ burstMs: [] }) }],
    ['no dead band', { rules: rules({ removeBeyond: 0 }) }],
    ['stable window never longer than 30 s', { rules: rules({ stableMs: [30_000] }) }],
    ['replicas not kept', { rules: rules({}, { keptMs: 0 }) }],
    ['down at once', { rules: rules({}, { betweenStepsMs: 0 }) }],
  ];
  return [STEP, BURST, DIURNAL, SAW_TOOTH, STEADY, TRICKLE].flatMap((shape) =>
    tried.map(([name, model]) => simulate({ shape, scaler: byTarget(name, { labels: RPS, ...model }) })),
  );
}
