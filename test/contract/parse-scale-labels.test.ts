import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';

const label = (name: string, value: string): Record<string, string> => ({
  [`com.openfaas.scale.${name}`]: value,
});

const DEFAULTS = {
  min: 1,
  max: 20,
  factorPercent: 20,
  zero: false,
  zeroAfterMs: 900_000,
  type: undefined,
  target: undefined,
  targetProportion: 0.9,
  downWindowMs: 0,
  schedule: [],
  timezone: 'UTC',
};

describe('parseScaleLabels', () => {
  it('has the documented defaults', () => {
    expect(parseScaleLabels({})).to.deep.equal(DEFAULTS);
  });

  it('reads those of a count that alerts change', () => {
    const labels = {
      ...label('min', '2'),
      ...label('max', '2'),
      ...label('factor', '0'),
      ...label('zero', 'true'),
    };
    expect(parseScaleLabels(labels)).to.deep.equal({
      ...DEFAULTS,
      min: 2,
      max: 2,
      factorPercent: 0,
      zero: true,
    });
  });

  for (const [name, value] of [
    ['min', '-1'],
    ['min', '1.5'],
    ['min', ' 1'],
    ['min', ''],
    ['max', '0x10'],
    ['max', '100000000000000000000'],
    ['factor', '101'],
    ['factor', '20%'],
    ['zero', 'yes'],
    ['zero', 'TRUE'],
  ] as const) {
    it(`refuses ${name} ${JSON.stringify(value)}, naming the label`, () => {
      expect(() => parseScaleLabels(label(name, value))).to.throw(
        ContractError,
        `label com.openfaas.scale.${name}`,
      );
    });
  }

  it('takes a minimum of 0: a function that sleeps until its first call', () => {
    expect(parseScaleLabels(label('min', '0')).min).to.equal(0);
  });

  it('refuses a minimum above the maximum, and says when that one is a default', () => {
    expect(() => parseScaleLabels(label('min', '25'))).to.throw(
      ContractError,
      /\(25\) is more than .* \(20\) \(its default\)/,
    );
    expect(() => parseScaleLabels({ ...label('min', '5'), ...label('max', '4') })).to.throw(
      ContractError,
      /\(4\)$/,
    );
  });
});
