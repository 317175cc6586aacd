import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { parse } from 'yaml';

const grafana = join(import.meta.dirname, '..', '..', 'grafana');
const prometheus = `http://127.0.0.1:${process.env['SKEP_PROMETHEUS_PORT'] ?? 9090}`;

interface Dashboard {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  }[];
}
const dashboards = readdirSync(join(grafana, 'dashboards')).map(
  (name) => JSON.parse(readFileSync(join(grafana, 'dashboards', name), 'utf8')) as Dashboard,
);

/** What Grafana puts in place of its variables. */
const filledIn = (expression: string) =>
  expression.replaceAll('$function', '.*').replaceAll('$__range', '15m');

async function metricsOfGateway(): Promise<ReadonlySet<string>> {
  const response = await fetch(`${prometheus}/api/v1/targets/metadata?match_target={job="gateway"}`);
  const { data } = (await response.json()) as { data: readonly { readonly metric: string }[] };
  return new Set(data.map(({ metric }) => metric));
}

describe('the dashboards', function () {
  this.timeout(30_000);
  let known: ReadonlySet<string>;

  before(async () => {
    known = await metricsOfGateway();
    // A platform that has just come up has not been scraped yet.
    while (known.size === 0) {
      await sleep(200);
      known = await metricsOfGateway();
    }
  });

  for (const dashboard of dashboards) {
    for (const panel of dashboard.panels) {
      it(`${dashboard.title}, ${panel.title}: Prometheus answers its queries, over metrics that the gateway exports`, async () => {
        expect(panel.targets).to.not.have.length(0);
        for (const { expr } of panel.targets) {
          const query = new URLSearchParams({ query: filledIn(expr) });
          const response = await fetch(`${prometheus}/api/v1/query?${query}`);
          expect(response.status, `${expr}: ${await response.text()}`).to.equal(200);
          for (const [name] of expr.matchAll(/\bgateway_\w+/g)) {
            expect(known).to.include(
              name.replace(/_(bucket|sum|count)$/, (end) => (known.has(name) ? end : '')),
            );
          }
        }
      });
    }
  }

  it('ask the data source that is provisioned', () => {
    const text = readFileSync(join(grafana, 'provisioning', 'datasource.yml'), 'utf8');
    const { datasources } = parse(text) as {
      datasources: readonly { readonly uid: string; readonly url: string }[];
    };
    expect(datasources[0]?.url).to.equal('http://prometheus:9090');
    const asked = dashboards.flatMap(({ panels }) =>
      panels.flatMap(({ targets }) => targets.map((it) => it.datasource.uid)),
    );
    expect([...new Set(asked)]).to.deep.equal([datasources[0]?.uid]);
  });
});
