/** Values of the drop-downs by name: several where several can be chosen. */
export type Chosen = Readonly<Record<string, string | readonly string[]>>;

/** What Grafana makes of its own variables for the last quarter of an hour, with `timeInterval: 5s` in the data source. */
const OWN: Readonly<Record<string, string>> = {
  __rate_interval: '20s',
  __interval: '5s',
  __range: '15m',
};

/**
 * A query as Grafana sends it.
 * @throws {Error} at a variable that is not known: Grafana would send it as it stands
 */
export function filledIn(expression: string, chosen: Chosen): string {
  return expression.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = OWN[name] ?? chosen[name];
    if (value === undefined) throw new Error(`$${name} is no variable of this dashboard: ${expression}`);
    return typeof value === 'string' ? value : `(${value.map(escaped).join('|')})`;
  });
}

/** In a regular expression inside a string of PromQL. */
const escaped = (value: string): string => value.replaceAll(/[$^*{}[\]+?.()|]/g, '\\\\$&');
