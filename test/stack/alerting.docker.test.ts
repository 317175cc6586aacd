import { expect } from 'chai';
import { stringify } from 'yaml';
import { runInImage } from './in-image.ts';

const PROMETHEUS = 'prom/prometheus:v2.42.0';
const ALERTMANAGER = 'prom/alertmanager:v0.25.0';
const RULES = 'prometheus/alert.rules.yml';
const CALLS = 'gateway_function_invocation_total';

/** Runs the rules over made-up samples, five seconds apart, and expects these functions to be named after a minute. */
async function testRules(series: Readonly<Record<string, string>>, functions: readonly string[]) {
  const test = {
    rule_files: ['alert.rules.yml'],
    evaluation_interval: '5s',
    tests: [
      {
        interval: '5s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          {
            eval_time: '60s',
            alertname: 'APIHighInvocationRate',
            exp_alerts: functions.map((name) => ({
              exp_labels: { function_name: name, service: 'gateway', severity: 'major' },
              exp_annotations: {
                summary: `High invocation total on ${name}`,
                description: `High invocation total on ${name}`,
              },
            })),
          },
        ],
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
      ['a.openfaas-fn', 'b.openfaas-fn'],
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
