import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { RETRY_WINDOW_MS } from '../../gateway/scaling/weigh-alerts.ts';
import { docker } from '../support/cli.ts';
import { until } from '../support/platform.ts';
import { runInImage } from './in-image.ts';

const PROMETHEUS = 'prom/prometheus:v2.42.0';
const ALERTMANAGER = 'prom/alertmanager:v0.25.0';
const root = join(import.meta.dirname, '..', '..');
const RULES = 'prometheus/alert.rules.yml';
const CALLS = 'gateway_function_invocation_total';

interface Alert {
  readonly exp_labels: Readonly<Record<string, string>>;
  readonly exp_annotations: Readonly<Record<string, string>>;
}

const busy = (name: string): Alert => ({
  exp_labels: { function_name: name, service: 'gateway', severity: 'major' },
  exp_annotations: {
    summary: `High invocation total on ${name}`,
    description: `High invocation total on ${name}`,
  },
});

/** The rules as Swarm fills them in from the service's environment. */
function rules({ codes = '200', rate = '5' } = {}): string {
  return readFileSync(join(root, RULES), 'utf8')
    .replaceAll('{{ env "scale_up_codes" }}', codes)
    .replaceAll('{{ env "scale_up_rate" }}', rate)
    .replaceAll('{{ "{{" }}', '{{');
}

/** Runs the rules over made-up samples, five seconds apart, and expects these alerts of that name after a minute. */
async function testRules(
  series: Readonly<Record<string, string>>,
  alerts: readonly Alert[],
  { alertname = 'APIHighInvocationRate', text = rules(), at = '60s' } = {},
) {
  const test = {
    rule_files: ['alert.rules.yml'],
    evaluation_interval: '5s',
    tests: [
      {
        interval: '5s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [{ eval_time: at, alertname, exp_alerts: alerts }],
      },
    ],
  };
  const { exitCode, output } = await runInImage({
    image: PROMETHEUS,
    files: [],
    texts: { 'test.yml': stringify(test), 'alert.rules.yml': text },
    command: 'promtool test rules test.yml',
  });
  expect(exitCode, output).to.equal(0);
}

describe('alerting, as Prometheus and Alertmanager themselves read it', function () {
  this.timeout(60_000);

  it('is a configuration that Prometheus accepts', async () => {
    const { exitCode, output } = await runInImage({
      image: PROMETHEUS,
      files: ['prometheus/prometheus.yml'],
      texts: { 'alert.rules.yml': rules() },
      command: 'mkdir rules && mv alert.rules.yml rules && promtool check config prometheus.yml',
    });
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain('2 rules found');
  });

  it('is filled in by Swarm as it is here', async () => {
    const name = `alerting-test-${process.pid}`;
    const must = async (...args: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await docker(...args);
      expect(exitCode, stderr).to.equal(0);
      return stdout;
    };
    await must('config', 'create', '--template-driver', 'golang', name, join(root, RULES));
    try {
      await must(
        ...['service', 'create', '--quiet', '--detach', '--name', name, '--restart-condition', 'none'],
        ...['--no-resolve-image', '--config', `source=${name},target=/rules.yml`],
        ...['--env', 'scale_up_codes=2..', '--env', 'scale_up_rate=7.5', '--entrypoint', 'cat'],
        ...[PROMETHEUS, '/rules.yml'],
      );
      const expected = rules({ codes: '2..', rate: '7.5' });
      await until(
        'the rules',
        async () => (await docker('service', 'logs', '--raw', name)).stdout === expected,
      );
      await until('the end of its task', async () =>
        (await must('service', 'ps', '--format', '{{.CurrentState}}', name)).startsWith('Complete'),
      );
    } finally {
      await docker('service', 'rm', name);
      await until('the end of its config', async () => (await docker('config', 'rm', name)).exitCode === 0);
    }
  });

  it('fires for more than five calls a second, summed over the gateways, and names the function', async () => {
    await testRules(
      {
        [`${CALLS}{function_name="a.openfaas-fn",code="200",instance="1"}`]: '0+20x20',
        [`${CALLS}{function_name="a.openfaas-fn",code="200",instance="2"}`]: '0+20x20',
        [`${CALLS}{function_name="b.openfaas-fn",code="200",instance="1"}`]: '0+30x20',
      },
      [busy('a.openfaas-fn'), busy('b.openfaas-fn')],
    );
  });

  it('stays silent at five a second, and for calls that failed', async () => {
    await testRules(
      {
        [`${CALLS}{function_name="a.openfaas-fn",code="200",instance="1"}`]: '0+25x20',
        [`${CALLS}{function_name="b.openfaas-fn",code="500",instance="1"}`]: '0+500x20',
      },
      [],
    );
  });

  it('counts the codes, and fires at the rate, that the environment says', async () => {
    const series = {
      [`${CALLS}{function_name="a.openfaas-fn",code="202"}`]: '0+8x20',
      [`${CALLS}{function_name="b.openfaas-fn",code="404"}`]: '0+80x20',
      [`${CALLS}{function_name="c.openfaas-fn",code="200"}`]: '0+3x20',
    };
    await testRules(series, [busy('a.openfaas-fn')], { text: rules({ codes: '2..', rate: '1.5' }) });
  });

  it('goes on firing for two scrapes when the calls end or a scrape fails, and no longer', async () => {
    const ended = { [`${CALLS}{function_name="a.openfaas-fn",code="200"}`]: '0+50x6 300x20' };
    await testRules(ended, [busy('a.openfaas-fn')], { at: '40s' });
    await testRules(ended, [], { at: '50s' });
    // Without the samples of 35 and 40 s there is no rate at 40 and 45 s.
    const missed = { [`${CALLS}{function_name="a.openfaas-fn",code="200"}`]: '0+50x6 _ _ 450+50x20' };
    for (const at of ['40s', '45s', '50s']) await testRules(missed, [busy('a.openfaas-fn')], { at });
  });

  it('tells of a service that is down, and of no replica of a function: those come and go', async () => {
    const gateway = { job: 'gateway', instance: '10.0.0.1:8082' };
    await testRules(
      {
        [`up{job="${gateway.job}",instance="${gateway.instance}"}`]: '0x20',
        'up{job="functions",instance="r1",function_name="a.openfaas-fn"}': '0x20',
      },
      [
        {
          exp_labels: { ...gateway, severity: 'minor' },
          exp_annotations: {
            summary: 'gateway at 10.0.0.1:8082 does not answer',
            description: 'Prometheus could not scrape 10.0.0.1:8082 of job gateway.',
          },
        },
      ],
      { alertname: 'service_down' },
    );
  });

  it('is told again only when the gateway takes it for more than the same notification', () => {
    const { route } = parse(readFileSync(join(root, 'prometheus/alertmanager.yml'), 'utf8')) as {
      route: { routes: readonly { repeat_interval: string }[] };
    };
    const [seconds] = route.routes.map(({ repeat_interval }) => Number.parseInt(repeat_interval, 10));
    expect(seconds).to.be.above(RETRY_WINDOW_MS / 1000 + 5);
  });

  it('is a configuration that Alertmanager accepts, and sends a busy function to the gateway', async () => {
    const { exitCode, output } = await runInImage({
      image: ALERTMANAGER,
      files: ['prometheus/alertmanager.yml'],
      command: [
        'amtool check-config alertmanager.yml',
        'amtool config routes test --config.file=alertmanager.yml --verify.receivers=scale-up service=gateway severity=major function_name=a.openfaas-fn',
        'amtool config routes test --config.file=alertmanager.yml --verify.receivers=dropped alertname=service_down severity=minor',
      ].join(' && '),
    });
    expect(exitCode, output).to.equal(0);
  });
});
