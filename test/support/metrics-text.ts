/** One metric of a page in Prometheus' text format. */
export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  /** Of its samples, without `le`; undefined: it has none. */
  labels: ReadonlySet<string> | undefined;
}

/** Reads a page as strictly as it has to be for its metrics to be compared. @throws {Error} for a line that is none of the format */
export function parseMetrics(page: string): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  const helps = new Map<string, string>();
  for (const line of page.split('\n').filter((text) => text !== '')) {
    const [, word, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === 'HELP') helps.set(about, rest);
    else if (word === 'TYPE') {
      if (families.has(about)) throw new Error(`${about} stands twice`);
      families.set(about, { type: rest, help: helps.get(about) ?? '', labels: undefined });
    } else addSample(families, line);
  }
  return families;
}

function addSample(families: Map<string, MetricFamily>, line: string): void {
  const [, name = '', labels = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  if (family === undefined) throw new Error(`a sample of no metric: ${line}`);
  const names = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label = '']) => label);
  family.labels = new Set([...(family.labels ?? []), ...names.filter((label) => label !== 'le')]);
}
