import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { DASHBOARDS, toJson } from '../../grafana/source/all-dashboards.ts';
import type { Dashboard, Panel, Row } from '../../grafana/source/dashboard-types.ts';
import { filledIn } from './support/fill-in.ts';
import { grafanaSchema } from './support/grafana-schema.ts';
import { selectorsOf } from './support/promql.ts';

const grafana = join(import.meta.dirname, '..', '..', 'grafana');
const read = (name: string): string => readFileSync(join(grafana, 'dashboards', name), 'utf8');
const files = readdirSync(join(grafana, 'dashboards'));
const dashboards = files.map((file) => ({ file, dashboard: JSON.parse(read(file)) as Dashboard }));

const isPanel = (panel: Panel | Row): panel is Panel => panel.type !== 'row';
const panelsOf = (dashboard: Dashboard): Panel[] => dashboard.panels.filter(isPanel);

describe('the dashboards', () => {
  it('are four, and are what their sources write (npm run dashboards)', () => {
    expect(files).to.have.members(Object.keys(DASHBOARDS));
    for (const [file, dashboard] of Object.entries(DASHBOARDS))
      expect(read(file) === toJson(dashboard), `${file} is not what grafana/source makes`).to.equal(true);
  });

  it('fit into a config of Swarm', () => {
    for (const file of files) expect(read(file).length, file).to.be.lessThan(500_000);
  });

  it('have addresses of their own', () => {
    const uids = dashboards.map(({ dashboard }) => dashboard.uid);
    expect(new Set(uids).size).to.equal(files.length);
  });

  for (const { file, dashboard } of dashboards) {
    describe(file, () => {
      it('says what it is for, is renewed every 5 or 10 s, is found by its tag and leads to the others', () => {
        expect(dashboard.title).to.be.a('string').and.not.equal('');
        expect(dashboard.description).to.match(/\.$/);
        expect(dashboard.refresh).to.be.oneOf(['5s', '10s']);
        expect(dashboard.tags).to.deep.equal(['skep']);
        expect(dashboard.links?.map(({ type, tags }) => [type, tags])).to.deep.equal([
          ['dashboards', ['skep']],
        ]);
      });

      it('says of every panel what it shows, in which unit and what its lines are called', () => {
        for (const { title = '', description = '', fieldConfig, targets } of panelsOf(dashboard)) {
          expect(title).to.not.equal('');
          expect(description, title).to.match(/^[^ ].{20,}\.$/);
          expect(fieldConfig.defaults.unit, title).to.not.equal('');
          expect(fieldConfig.defaults.thresholds?.steps, title).to.not.have.length(0);
          expect(targets, title).to.not.have.length(0);
          for (const { legendFormat = '' } of targets) expect(legendFormat, title).to.not.equal('');
        }
      });

      it('asks in PromQL, by variables that the dashboard has', () => {
        const chosen = Object.fromEntries(
          (dashboard.templating?.list ?? []).map(({ name, multi }) => [
            name,
            multi === true ? ['any'] : 'any',
          ]),
        );
        for (const { targets } of panelsOf(dashboard))
          for (const { expr } of targets) expect(() => selectorsOf(filledIn(expr, chosen))).to.not.throw();
      });

      it('tells the lines of a panel apart', () => {
        for (const { title, targets } of panelsOf(dashboard)) {
          const names = targets.map(({ legendFormat }) => legendFormat);
          expect(new Set(names).size, title).to.equal(names.length);
          const ids = targets.map(({ refId }) => refId);
          expect(new Set(ids).size, title).to.equal(ids.length);
        }
      });

      it('has no two panels of one id, title or place, and none beside the grid', () => {
        const ids = dashboard.panels.map(({ id }) => id);
        expect(new Set(ids).size).to.equal(ids.length);
        const titles = panelsOf(dashboard).map(({ title }) => title);
        expect(titles.filter((title, index) => titles.indexOf(title) !== index)).to.deep.equal([]);
        const taken = new Map<string, string>();
        for (const { title = '', gridPos } of dashboard.panels) {
          const { x, y, w, h } = gridPos ?? { x: -1, y: -1, w: 0, h: 0 };
          expect([x >= 0, y >= 0, w > 0, h > 0, x + w <= 24], title).to.deep.equal([
            true,
            true,
            true,
            true,
            true,
          ]);
          for (let column = x; column < x + w; column++)
            for (let row = y; row < y + h; row++) {
              expect(taken.get(`${column},${row}`), `${title} is over`).to.equal(undefined);
              taken.set(`${column},${row}`, title);
            }
        }
      });

      it('asks the data source that is provisioned, in panels, queries and variables', () => {
        const text = readFileSync(join(grafana, 'provisioning', 'datasource.yml'), 'utf8');
        const { datasources } = parse(text) as {
          datasources: readonly { type: string; uid: string; url: string }[];
        };
        expect(datasources[0]?.url).to.equal('http://prometheus:9090');
        const { type = '', uid = '' } = datasources[0] ?? {};
        const asked = [
          ...panelsOf(dashboard).flatMap(({ datasource, targets }) => [
            datasource,
            ...targets.map((target) => target.datasource),
          ]),
          ...(dashboard.templating?.list ?? []).flatMap(({ type: kind, datasource }) =>
            kind === 'query' ? [datasource] : [],
          ),
        ];
        expect(new Set(asked.map((it) => JSON.stringify(it)))).to.deep.equal(
          new Set([JSON.stringify({ type, uid })]),
        );
      });

      it('leads by clicks to dashboards and variables that there are', () => {
        const urls = [...read(file).matchAll(/"url": "(\/d\/[^"]*)"/g)].map(([, url = '']) => url);
        for (const url of urls) {
          const [, uid, variable] =
            /^\/d\/([\w-]+)\/\w+\?(?:var-(\w+)=\$\{|\$\{__url_time_range\}$)/.exec(url) ?? [];
          const target = dashboards.find((it) => it.dashboard.uid === uid)?.dashboard;
          expect(target, url).to.not.equal(undefined);
          if (variable !== undefined)
            expect(
              target?.templating?.list?.map(({ name }) => name),
              url,
            ).to.include(variable);
        }
        if (file === 'overview.json') expect(urls.length).to.be.greaterThan(5);
      });
    });
  }
});

describe('the dashboards against the types of Grafana’s own packages', function () {
  // The types are read by a compiler, which takes seconds on a busy machine.
  this.timeout(60_000);
  let problems: (dashboard: unknown) => readonly string[];

  before(() => {
    problems = grafanaSchema();
  });

  for (const { file, dashboard } of dashboards) {
    it(`${file}: every field, value and unit is one that Grafana knows`, () => {
      expect(problems(dashboard)).to.deep.equal([]);
    });
  }

  const broken = (change: (panel: Record<string, unknown>, dashboard: Record<string, unknown>) => void) => {
    const copy = JSON.parse(read('overview.json')) as Record<string, unknown>;
    const panel = (copy['panels'] as Record<string, unknown>[]).find(({ type }) => type === 'timeseries');
    change(panel ?? {}, copy);
    return problems(copy).join('\n');
  };
  const defaultsOf = (panel: Record<string, unknown>) =>
    (panel['fieldConfig'] as { defaults: Record<string, unknown> }).defaults;

  it('finds a field that no dashboard has', () => {
    expect(broken((_, dashboard) => Object.assign(dashboard, { refreshEvery: '5s' }))).to.contain(
      'refreshEvery',
    );
  });

  it('finds a field that no panel has', () => {
    expect(broken((panel) => Object.assign(panel, { descripton: 'calls' }))).to.contain('descripton');
  });

  it('finds a unit that Grafana does not know', () => {
    expect(
      broken((panel) => {
        defaultsOf(panel)['unit'] = 'requests';
      }),
    ).to.match(/defaults\/unit: must be equal to one of the allowed values/);
  });

  it('finds a value that a setting does not take', () => {
    expect(
      broken((panel) => {
        (panel['options'] as { legend: { displayMode: string } }).legend.displayMode = 'tabular';
      }),
    ).to.contain('/options/legend/displayMode');
  });

  it('finds a setting that this kind of panel has not', () => {
    expect(
      broken((panel) => {
        (defaultsOf(panel)['custom'] as Record<string, unknown>)['lineColour'] = 'red';
      }),
    ).to.contain('lineColour');
  });

  it('finds a kind of panel that is not used here, and so was not checked', () => {
    expect(broken((panel) => Object.assign(panel, { type: 'graph' }))).to.match(
      /panels\/\d+: value of tag "type"/,
    );
  });

  it('finds a query without an expression', () => {
    expect(
      broken((panel) => {
        delete (panel['targets'] as Record<string, unknown>[])[0]?.['expr'];
      }),
    ).to.contain('expr');
  });
});
