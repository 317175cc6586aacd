/** A metric with all its series, as Prometheus' text format has it. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
}

/**
 * Written here for what there is of every function: prom-client would take each value in and out again with each scrape, which costs
 * several times as much where there are a thousand functions.
 * @param samples each with its labels as `labelText` writes them
 */
export function familyText(
  { name, type, help }: Family,
  samples: Iterable<readonly [labels: string, value: number]>,
): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const [labels, value] of samples) text += `${name}{${labels}} ${value}\n`;
  return text;
}

/** `a="b",c="d"` */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',');
}

function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
