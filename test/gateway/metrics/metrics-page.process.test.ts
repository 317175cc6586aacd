import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { ReplicaMetrics } from '../../../gateway/metrics/replica-metrics.ts';
import { WorkerMetrics } from '../../../gateway/queue-worker/metrics.ts';
import { selectorsOf } from '../../grafana/support/promql.ts';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { type MetricFamily, parseMetrics } from '../../support/metrics-text.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { startWatchdog, stopWatchdogs } from '../../watchdog/start-watchdog.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const text = readFileSync(join(root, 'docs', 'metrics.md'), 'utf8');

const FUNCTION = {
  ref: { name: 'fn', namespace: 'ns' },
  labels: {},
  annotations: {},
  envVars: {},
  desired: 1,
  createdAt: '2026-01-01T00:00:00Z',
};

interface Documented {
  readonly type: string;
  readonly labels: readonly string[];
  readonly meaning: string;
}

/** The metrics of a chapter of docs/metrics.md, from its tables. */
function chapter(heading: string): ReadonlyMap<string, Documented> {
  const [, after = ''] = text.split(`\n## ${heading}\n`);
  const [body = ''] = after.split(/\n## /);
  const metrics = new Map<string, Documented>();
  let columns: readonly string[] = [];
  for (const line of body.split('\n').filter((one) => one.startsWith('|'))) {
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
    if (cells[0] === 'Metric') columns = cells;
    const name = /^`([\w:]+)`$/.exec(cells[0] ?? '')?.[1];
    if (name === undefined) continue;
    if (metrics.has(name)) throw new Error(`${name} stands twice under ${heading}`);
    metrics.set(name, {
      type: cell('Type'),
      labels: [...cell('Labels').matchAll(/`(\w+)`/g)].map(([, label = '']) => label).sort(),
      meaning: cell('Meaning'),
    });
  }
  return metrics;
}

/** Compares both ways. @param unseen metrics whose samples this machine may not be able to show */
function compare(
  served: ReadonlyMap<string, MetricFamily>,
  documented: ReadonlyMap<string, Documented>,
  unseen: readonly string[] = [],
): void {
  expect([...documented.keys()], 'docs/metrics.md and the page').to.have.members([...served.keys()]);
  for (const [name, { type, help, labels }] of served) {
    const page = documented.get(name);
    expect(page?.type, `type of ${name}`).to.equal(type);
    expect(page?.meaning.startsWith(help), `meaning of ${name}: “${page?.meaning}” and “${help}”`).to.equal(
      true,
    );
    if (labels === undefined && unseen.includes(name)) continue;
    expect(labels && [...labels].sort(), `labels of ${name}`).to.deep.equal(page?.labels);
  }
}

/** Without NATS they have no samples: test/gateway/metrics/queue-metrics.test.ts shows their labels. */
const WITH_A_QUEUE = [...chapter('The gateway').keys()].filter((name) =>
  /^gateway_(async_(waiting|running|oldest_waiting_seconds|later|callbacks|dead_letters)|schedule_ticks_total)$/.test(
    name,
  ),
);

describe('docs/metrics.md', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas | undefined;
  let gateway: RunningGateway | undefined;

  afterEach(async () => {
    await gateway?.end();
    await replicas?.close();
    await stopWatchdogs();
  });

  it('is what the gateway serves: names, types, labels and meanings', async () => {
    replicas = await startReplicas(1, (_, outgoing) => void outgoing.end('done'));
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      // Nobody listens there: its metrics show all the same.
      otlp_endpoint: 'http://127.0.0.1:1',
    });
    const { call, metric } = gateway;
    const labels = { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.zero': 'true' };
    expect(
      (await call('/system/functions', { json: { service: 'fn', image: 'test:1', labels } })).status,
    ).to.equal(202);
    expect((await call('/function/fn')).status).to.equal(200);
    await call('/system/scale-function/fn', { json: { serviceName: 'fn', replicas: 0 } });
    expect((await call('/function/fn')).status).to.equal(200);
    await until('a cold start', async () => sum(await metric('gateway_cold_start_seconds_count')) > 0);
    await until('a load', async () => Object.keys(await metric('gateway_scaling_load')).length > 0);
    const page = await (await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`)).text();
    compare(parseMetrics(page), chapter('The gateway'), WITH_A_QUEUE);
  });

  it('is what the watchdog serves', async () => {
    const watchdog = await startWatchdog({
      fprocess: 'cat',
      prefork: '1',
      OPENFAAS_NAME: 'fn',
      OPENFAAS_NAMESPACE: 'ns',
    });
    await (await fetch(watchdog.url, { method: 'POST', body: 'x' })).text();
    const page = await (await fetch(watchdog.metricsUrl)).text();
    compare(parseMetrics(page), chapter('The watchdog'), [
      'pod_cpu_usage_seconds_total',
      'pod_memory_working_set_bytes',
    ]);
  });

  it('is what a queue worker serves', async () => {
    const metrics = new WorkerMetrics({ queue: 'q', host: 'h' });
    metrics.waiting(new Map([['fn.ns', 1]]));
    metrics.inflight('fn.ns', 1);
    metrics.submitted();
    metrics.processed();
    metrics.attemptEnded('fn.ns', 'succeeded');
    metrics.callbackEnded('delivered');
    metrics.connected();
    compare(parseMetrics(await metrics.page()), chapter('The queue worker'));
  });

  it('is what the gateway passes on of a replica, and what Prometheus keeps of that', async () => {
    const watchdog = createServer((_, response) => {
      response.end([...chapter('The watchdog').keys()].map((name) => `${name} 1\n`).join(''));
    });
    watchdog.listen(0, '127.0.0.1');
    await once(watchdog, 'listening');
    try {
      const passed = new ReplicaMetrics({ port: (watchdog.address() as AddressInfo).port });
      const replica = { id: 'r1', address: '127.0.0.1', isRunning: true };
      passed.sync([{ ...FUNCTION, replicas: [replica] }]);
      const page = await passed.page('r1');
      const families = parseMetrics(page.kind === 'page' ? page.text : '');
      const documented = chapter('What Prometheus has of each replica');
      const labels = Object.keys(passed.targets('gateway:8082')?.[0]?.labels ?? {});
      for (const family of families.values()) {
        expect([...(family.labels ?? [])], 'labels of the page').to.deep.equal([]);
        family.labels = new Set(labels.filter((label) => !label.startsWith('__')));
      }
      compare(families, documented);
      const config = parse(readFileSync(join(root, 'prometheus', 'prometheus.yml'), 'utf8')) as {
        scrape_configs: { job_name: string; metric_relabel_configs?: { action: string; regex: string }[] }[];
      };
      const { metric_relabel_configs = [] } =
        config.scrape_configs.find(({ job_name }) => job_name === 'functions') ?? {};
      const kept = metric_relabel_configs.find(({ action }) => action === 'keep')?.regex.split('|');
      expect(kept).to.have.members([...documented.keys()]);
    } finally {
      watchdog.closeAllConnections();
      watchdog.close();
    }
  });

  const known = new Set(
    [
      'The gateway',
      'What Prometheus has of each replica',
      'Recording rules',
      'Prometheus’ own',
      'The queue worker',
    ].flatMap((heading) => [...chapter(heading)].flatMap(([name, { type }]) => namesOf(name, type))),
  );

  it('has every name that a rule asks for, and every one that a rule records', () => {
    const rules = readdirSync(join(root, 'prometheus'))
      .filter((file) => file.endsWith('.rules.yml'))
      .flatMap((file) => rulesOf(join(root, 'prometheus', file)));
    expect(rules).to.not.have.length(0);
    const recorded = rules.flatMap(({ record }) => record ?? []);
    expect([...chapter('Recording rules').keys()]).to.have.members([...new Set(recorded)]);
    for (const { expr } of rules) expectKnown(expr);
  });

  it('has every name that a dashboard asks for', () => {
    const folder = join(root, 'grafana', 'dashboards');
    const expressions = readdirSync(folder).flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(
        ([, json = '""']) => JSON.parse(json) as string,
      ),
    );
    expect(expressions).to.not.have.length(0);
    // What Grafana puts in is no PromQL before.
    for (const expression of expressions)
      expectKnown(expression.replaceAll(/\[\$\w+\]/g, '[1m]').replaceAll(/\$\w+/g, '1m'));
  });

  function expectKnown(expression: string): void {
    for (const { metric } of selectorsOf(expression)) expect(known, expression).to.include(metric);
  }
});

/** The names of a metric's series. */
function namesOf(name: string, type: string): readonly string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((end) => `${name}_${end}`) : [name];
}

interface Rule {
  readonly record?: string;
  readonly expr: string;
}

/** What stands in double braces Swarm fills in: any number will do. */
function rulesOf(path: string): readonly Rule[] {
  const filled = readFileSync(path, 'utf8').replaceAll(/\{\{ env "\w+" \}\}/g, '5');
  const { groups } = parse(filled) as { groups: readonly { readonly rules: readonly Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

function sum(values: Record<string, number>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}
