import { expect } from 'chai';
import { toUsagePage } from '../../../gateway/metrics/usage-samples.ts';

const REF = { name: 'echo', namespace: 'ns' };
const CPU = 'pod_cpu_usage_seconds_total';
const MEMORY = 'pod_memory_working_set_bytes';
const OWN = '{function_name="echo.ns",namespace="ns"}';

const samples = (text: string): string[] =>
  toUsagePage(text, REF)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('the page of a replica as it is passed on', () => {
  it('has the two known figures without labels, and nothing else of what the watchdog tells', () => {
    const page = [
      `# TYPE ${CPU} counter`,
      `${CPU}${OWN} 1.25`,
      `${MEMORY}${OWN} 4.2e7`,
      'http_requests_total{code="200",method="post"} 7',
      'process_resident_memory_bytes 5',
    ].join('\n');
    expect(toUsagePage(page, REF)).to.equal(
      `# HELP ${CPU} CPU time used by the container\n# TYPE ${CPU} counter\n${CPU} 1.25\n` +
        `# HELP ${MEMORY} Memory of the container without inactive file pages\n# TYPE ${MEMORY} gauge\n${MEMORY} 42000000\n`,
    );
  });

  it('takes a watchdog that was not told its function at its word', () => {
    expect(samples(`${CPU} 3\n`)).to.deep.equal([`${CPU} 3`]);
  });

  it('can not speak for another function, nor make another series', () => {
    for (const forged of [
      `${CPU}{function_name="other.ns",namespace="ns"} 5`,
      `${CPU}{function_name="echo.ns",namespace="other"} 5`,
      `${CPU}{function_name="echo.ns",namespace="ns",instance="x"} 5`,
      `${CPU}{function_name="echo.ns",namespace="ns"} 5 1700000000000`,
      `${CPU}{function_name="echo.ns",namespace="ns"} 5\u2028gateway_service_count 7`,
      'gateway_function_invocation_total{function_name="other.ns",code="200"} 1000',
      'up 0',
      `pod_other${OWN} 5`,
    ]) {
      expect(samples(forged), forged).to.deep.equal([]);
    }
    expect(samples(`${CPU}${OWN} 1\n${CPU}${OWN} 2\n`)).to.deep.equal([`${CPU} 1`]);
  });

  it('has no figure for what is no number, is negative or has no end', () => {
    for (const value of ['NaN', '+Inf', '-Inf', '-1', '', 'e', '1.2.3', '1e999', '9'.repeat(2000)]) {
      expect(samples(`${CPU}${OWN} ${value}`), value).to.deep.equal([]);
    }
  });
});
