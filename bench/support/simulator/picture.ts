import type { Shape } from './shapes.ts';
import type { Simulation } from './simulate.ts';

const [WIDTH, HEIGHT] = [720, 240];
const PLOT = { left: 44, right: 12, top: 44, bottom: 26 };
/** Lines of scalers, in their order. Readable on white and on black. */
const COLOURS = ['#d9822b', '#2f81f7', '#3fa34d', '#a371f7'];
/** Points of the load's outline. */
const POINTS = 240;

export interface PictureOptions {
  readonly shape: Shape;
  readonly runs: readonly Simulation[];
  /** Calls per second that one replica can serve. */
  readonly perReplica: number;
}

/** The load, and what the ready replicas can take, over time, as an SVG. The same runs give the same text. */
export function picture({ shape, runs, perReplica }: PictureOptions): string {
  const loads = Array.from({ length: POINTS + 1 }, (_, index) => {
    const atS = (index * shape.seconds) / POINTS;
    return { atS, value: meanLoad(shape, atS) };
  });
  const capacities = runs.flatMap(({ moments }) => moments.map(({ ready }) => ready * perReplica));
  const highest = niceAbove(Math.max(...loads.map(({ value }) => value), ...capacities));
  const x = (atS: number): string =>
    fixed(PLOT.left + ((WIDTH - PLOT.left - PLOT.right) * atS) / shape.seconds);
  const y = (value: number): string =>
    fixed(HEIGHT - PLOT.bottom - ((HEIGHT - PLOT.top - PLOT.bottom) * value) / highest);
  const outline = loads.map(({ atS, value }) => `${x(atS)} ${y(value)}`).join('L');
  const lines = runs.map((run, index) => {
    const [first, ...rest] = run.moments;
    const steps = rest.map(({ atS, ready }) => `H${x(atS)}V${y(ready * perReplica)}`).join('');
    return `<path class="s" stroke="${COLOURS[index]}" d="M${x(0)} ${y((first?.ready ?? 0) * perReplica)}${steps}"/>`;
  });
  const legend = runs.map(
    ({ scaler }, index) =>
      `<path class="s" stroke="${COLOURS[index]}" d="M${150 + index * 130} 32h18"/><text x="${174 + index * 130}" y="36">${escaped(scaler)}</text>`,
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<text x="${x(part * shape.seconds)}" y="${HEIGHT - 8}" text-anchor="${part === 0 ? 'start' : part === 1 ? 'end' : 'middle'}">${minutes(part * shape.seconds)}</text>`,
  );
  const grid = [0, 0.5, 1].map(
    (part) =>
      `<path class="g" d="M${PLOT.left} ${y(part * highest)}H${WIDTH - PLOT.right}"/><text x="${PLOT.left - 6}" y="${Number(y(part * highest)) + 4}" text-anchor="end">${part * highest}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(shape.title)}">
<style>text{font:12px system-ui,sans-serif;fill:#57606a}.t{font-weight:600}.l{fill:#8b949e;opacity:.35}.g{stroke:#8b949e;opacity:.4;fill:none}.s{fill:none;stroke-width:1.8}@media(prefers-color-scheme:dark){text{fill:#adbac7}}</style>
<text class="t" x="${PLOT.left}" y="16">${escaped(shape.title)}</text>
<rect class="l" x="${PLOT.left}" y="27" width="18" height="10"/><text x="${PLOT.left + 24}" y="36">calls/s</text>
${[...legend, ...grid, ...ticks].join('\n')}
<path class="l" d="M${x(0)} ${y(0)}L${outline}L${x(shape.seconds)} ${y(0)}Z"/>
${lines.join('\n')}
</svg>
`;
}

/** Over the point's share of the time, so that no short burst falls between two points. */
function meanLoad(shape: Shape, atS: number): number {
  const spanS = shape.seconds / POINTS;
  const parts = 8;
  let sum = 0;
  for (let part = 0; part < parts; part++)
    sum += shape.perSecond(Math.min(shape.seconds - 0.001, atS + (spanS * part) / parts));
  return sum / parts;
}

function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function minutes(seconds: number): string {
  return seconds < 7200 ? `${fixed(seconds / 60)} min` : `${fixed(seconds / 3600)} h`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
