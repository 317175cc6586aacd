import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseCallLimits } from '../../contract/parse-call-limits.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';

describe('the limits of a function’s calls', () => {
  it('are none without labels and annotations', () => {
    expect(parseCallLimits({}, {})).to.deep.equal({});
  });

  it('are read from three labels and an annotation', () => {
    const labels = {
      'com.skep.limit.rate': '2.5',
      'com.skep.limit.burst': '10',
      'com.skep.limit.concurrency': '4',
    };
    expect(parseCallLimits(labels, { 'com.skep.timeout': '1m30s' })).to.deep.equal({
      rate: { perSecond: 2.5, burst: 10 },
      concurrency: 4,
      timeoutMs: 90_000,
    });
  });

  it('allow one second’s worth at once where no burst is given, and at least one call', () => {
    const burstOf = (rate: string): unknown =>
      parseCallLimits({ 'com.skep.limit.rate': rate }, {}).rate?.burst;
    expect([burstOf('0.1'), burstOf('1'), burstOf('2.5'), burstOf('300')]).to.deep.equal([1, 1, 3, 300]);
  });

  const wrong: [string, Record<string, string>][] = [
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '0' }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '-1' }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '1e3' }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '0.0001' }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '1000001' }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '9'.repeat(400) }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '' }],
    ['com.skep.limit.rate', { 'com.skep.limit.rate': '10/s' }],
    ['com.skep.limit.burst', { 'com.skep.limit.rate': '1', 'com.skep.limit.burst': '0' }],
    ['com.skep.limit.burst', { 'com.skep.limit.rate': '1', 'com.skep.limit.burst': '1.5' }],
    ['com.skep.limit.burst', { 'com.skep.limit.burst': '5' }],
    ['com.skep.limit.concurrency', { 'com.skep.limit.concurrency': '0' }],
    ['com.skep.limit.concurrency', { 'com.skep.limit.concurrency': 'many' }],
  ];
  for (const [named, labels] of wrong) {
    it(`refuses ${JSON.stringify(labels).slice(0, 80)} with the label’s name`, () => {
      expect(() => parseCallLimits(labels, {})).to.throw(ContractError, named);
    });
  }

  for (const text of ['0', '0s', '-1s', '', 'soon', `${'9'.repeat(400)}h`]) {
    it(`refuses the time limit ${JSON.stringify(text.slice(0, 20))}`, () => {
      expect(() => parseCallLimits({}, { 'com.skep.timeout': text })).to.throw(
        ContractError,
        'com.skep.timeout',
      );
    });
  }

  it('are checked at deployment', () => {
    const deployment = { service: 'env', image: 'env', labels: { 'com.skep.limit.rate': 'fast' } };
    expect(() => parseDeployment(deployment)).to.throw(ContractError, 'com.skep.limit.rate');
    expect(() =>
      parseDeployment({ service: 'env', image: 'env', annotations: { 'com.skep.timeout': 'x' } }),
    ).to.throw(ContractError, 'com.skep.timeout');
  });
});
