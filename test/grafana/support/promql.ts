import { parser } from '@prometheus-io/lezer-promql';

/** A metric that a query reads, with the labels that it asks for. */
export interface Selector {
  readonly metric: string;
  /** PromQL without range and offset: `up{job="gateway"}`. */
  readonly text: string;
}

/**
 * The metrics that a query reads, as Prometheus' own grammar sees them.
 * @throws {Error} at what is no PromQL, and where a query names no metric
 */
export function selectorsOf(expression: string): readonly Selector[] {
  const selectors: Selector[] = [];
  parser.parse(expression).iterate({
    enter: ({ node, from, to, type }) => {
      if (type.isError)
        throw new Error(`no PromQL at ${from}: ${expression.slice(0, from)}⟨here⟩${expression.slice(from)}`);
      if (type.name !== 'VectorSelector') return;
      const name = node.getChild('Identifier');
      if (name === null) throw new Error(`${expression.slice(from, to)} names no metric`);
      selectors.push({ metric: expression.slice(name.from, name.to), text: expression.slice(from, to) });
    },
  });
  return selectors;
}
