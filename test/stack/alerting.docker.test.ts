import { expect } from 'chai';
import { stringify } from 'yaml';
import { runInImage } from './in-image.ts';

const PROMETHEUS = 'prom/prometheus:v2.42.0';
const ALERTMANAGER = 'prom/alertmanager:v0.25.0';
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

/** Runs the rules over made-up samples, five seconds apart, and expects these alerts of that name after a minute. */
async function testRules(
  series: Readonly<Record<string, string>>,
  alerts: readonly Alert[],
  alertname = 'APIHighInvocationRate',
) {
  const test = {
    rule_files: ['alert.rules.yml'],
    evaluation_interval: '5s',
    tests: [
      {
        interval: '5s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [{ eval_time: '60s', alertname, exp_alerts: alerts }],
      },
    ],
  };
  const { exitCode, output } = await runInImage({
    image: PROMETHEUS,
    files: [RULES],
    texts: { 'test.yml': stringify(test) },
    command: 'promtool test rules test.yml',
  });
  expect(exitCode, output).to.equal(0);
}

describe('alerting, as Prometheus and Alertmanager themselves read it', function () {
  this.timeout(60_000);

  it('is a configuration that Prometheus accepts', async () => {
    const { exitCode, output } = await runInImage({
      image: PROMETHEUS,
      files: ['prometheus/prometheus.yml', RULES],
      command: 'promtool check config prometheus.yml',
    });
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain('2 rules found');
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
      'service_down',
    );
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
