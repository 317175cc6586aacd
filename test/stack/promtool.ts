import { stringify } from 'yaml';
import { runInImage } from './in-image.ts';

const PROMETHEUS = 'prom/prometheus:v2.42.0';

/** One case over made-up samples, five seconds apart unless it says otherwise. */
export interface RuleCase {
  /** By series, in promtool's notation: `0+5x12` is 0, 5, 10… 60. */
  readonly series: Readonly<Record<string, string>>;
  /** Time from the first sample, e.g. `10m`. */
  readonly at: string;
  /** What expressions yield then, by expression: values by their labels, as Prometheus writes them. */
  readonly expect: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Alerts that fire then, with every label and annotation. */
  readonly alerts?: readonly {
    readonly alertname: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

export interface RuleFiles {
  /** Of the repository. */
  readonly files: readonly string[];
  /** By file name. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** Runs all cases in one container. @returns what promtool says of each by its name; undefined: it passed */
export async function runRuleCases(
  rules: RuleFiles,
  cases: Readonly<Record<string, RuleCase>>,
): Promise<ReadonlyMap<string, string | undefined>> {
  const names = Object.keys(cases);
  const ruleFiles = [
    ...rules.files.map((file) => file.replace(/^.*\//, '')),
    ...Object.keys(rules.texts ?? {}),
  ];
  const { output } = await runInImage({
    image: PROMETHEUS,
    files: rules.files,
    texts: {
      ...rules.texts,
      ...Object.fromEntries(
        Object.values(cases).map((one, index) => [`case-${index}.yml`, testFile(one, ruleFiles)]),
      ),
    },
    command: `promtool test rules ${names.map((_, index) => `case-${index}.yml`).join(' ')} 2>&1`,
  });
  const told = new Map(
    output
      .split('Unit Testing:')
      .slice(1)
      .map((part): [string, string] => [/case-\d+/.exec(part)?.[0] ?? '', part]),
  );
  return new Map(
    names.map((name, index) => {
      const part = told.get(`case-${index}`) ?? output;
      return [name, /^\s*case-\d+\.yml\s+SUCCESS\s*$/.test(part) ? undefined : part];
    }),
  );
}

function testFile({ series, at, expect, alerts = [] }: RuleCase, ruleFiles: readonly string[]): string {
  return stringify({
    rule_files: ruleFiles,
    evaluation_interval: '5s',
    tests: [
      {
        interval: '5s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: Object.entries(expect).map(([expr, samples]) => ({
          expr,
          eval_time: at,
          exp_samples: Object.entries(samples).map(([labels, value]) => ({ labels, value })),
        })),
        alert_rule_test: alerts.map(({ alertname, labels, annotations }) => ({
          eval_time: at,
          alertname,
          exp_alerts: [{ exp_labels: labels, exp_annotations: annotations }],
        })),
      },
    ],
  });
}
