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
    ['min', 'abc'],
    ['factor', '-5'],
    ['zero-duration', '0s'],
    ['zero-duration', '-5m'],
    ['zero-duration', '15'],
    ['zero-duration', '10ms'],
    ['zero-duration', '9999h'],
    ['zero-duration', 'soon'],
    ['type', ''],
    ['type', 'RPS'],
    ['type', 'rps '],
    ['type', 'a"} or vector(1)'],
    ['type', '{{ x }}'],
    ['type', `a${'b'.repeat(63)}`],
    ['target', '0'],
    ['target', '0.0'],
    ['target', '-1'],
    ['target', ''],
    ['target', '.'],
    ['target', '1e3'],
    ['target', 'NaN'],
    ['target', 'Infinity'],
    ['target', '10000000000'],
    ['target-proportion', '0'],
    ['target-proportion', '1.01'],
    ['target-proportion', '90%'],
    ['target-proportion', '0.000000001'],
    ['down.window', '5m1s'],
    ['down.window', '300'],
    ['down.window', 'off'],
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

  for (const [name, value, field, expected] of [
    ['type', 'rps', 'type', 'rps'],
    ['type', 'capacity', 'type', 'capacity'],
    ['type', 'cpu', 'type', 'cpu'],
    ['type', 'queue', 'type', 'queue'],
    ['type', 'orders_in-stock:5m', 'type', 'orders_in-stock:5m'],
    ['target', '50', 'target', 50],
    ['target', '0.5', 'target', 0.5],
    ['target', '1000000', 'target', 1_000_000],
    ['target-proportion', '0.90', 'targetProportion', 0.9],
    ['target-proportion', '.95', 'targetProportion', 0.95],
    ['target-proportion', '1', 'targetProportion', 1],
    ['target-proportion', '1.0', 'targetProportion', 1],
    ['zero', '1', 'zero', true],
    ['zero', '0', 'zero', false],
    ['zero-duration', '1m30s', 'zeroAfterMs', 90_000],
    ['zero-duration', '1.5h', 'zeroAfterMs', 5_400_000],
    ['zero-duration', '720h', 'zeroAfterMs', 2_592_000_000],
    ['down.window', '0', 'downWindowMs', 0],
    ['down.window', '0s', 'downWindowMs', 0],
    ['down.window', '5m', 'downWindowMs', 300_000],
    ['down.window', '300s', 'downWindowMs', 300_000],
  ] as const) {
    it(`takes ${name} ${value}`, () => {
      expect(parseScaleLabels(label(name, value))[field]).to.equal(expected);
    });
  }

  const schedule = (value: string): Record<string, string> => ({ 'com.skep.scale.schedule': value });

  it('reads a schedule', () => {
    const windows = parseScaleLabels(
      schedule(' * 8-17 * * mon-fri = 5;  */5 10-15 1,15 jan-mar sat,sun=2 ; '),
    ).schedule;
    expect(windows).to.deep.equal([
      { pattern: '* 8-17 * * mon-fri', min: 5 },
      { pattern: '*/5 10-15 1,15 jan-mar sat,sun', min: 2 },
    ]);
  });

  for (const [sentence, value] of [
    ['an empty one', ''],
    ['separators alone', ' ; '],
    ['a window without a minimum', '* 8-17 * * *'],
    ['a window without a pattern', '= 5'],
    ['an empty window between others', '* * * * * = 1;;* * * * * = 2'],
    ['four fields', '* 8-17 * * = 5'],
    ['six fields', '0 * 8-17 * * * = 5'],
    ['a nickname', '@daily = 5'],
    ['an hour that there is not', '* 25 * * * = 5'],
    ['a range backwards', '* 22-6 * * * = 5'],
    ['a weekday that there is not', '* * * * foo = 5'],
    ['a day that never comes', '* * 30 2 * = 5'],
    ['a minimum that is no number', '* * * * * = many'],
    ['a minimum below 0', '* * * * * = -1'],
    ['a minimum above the maximum', '* * * * * = 21'],
    ['more replicas than there may be', '* * * * * = 999999999'],
    ['more windows than anybody reads', Array.from({ length: 33 }, () => '* * * * * = 1').join(';')],
    ['something long', 'x'.repeat(100_000)],
  ] as const) {
    it(`refuses a schedule with ${sentence}, naming the label, in few words`, () => {
      expect(() => parseScaleLabels(schedule(value)))
        .to.throw(ContractError, /^label com\.skep\.scale\.schedule: /)
        .with.property('message')
        .with.length.below(700);
    });
  }

  it('takes a minimum by schedule that a maximum of its own allows', () => {
    const labels = { ...schedule('* * * * * = 30'), ...label('max', '30') };
    expect(parseScaleLabels(labels).schedule[0]?.min).to.equal(30);
  });

  it('knows time zones by their names alone', () => {
    const zone = (value: string) => parseScaleLabels({ 'com.skep.scale.timezone': value }).timezone;
    expect(zone('Europe/Berlin')).to.equal('Europe/Berlin');
    expect(zone('UTC')).to.equal('UTC');
    for (const wrong of ['', 'Mars/Olympus', '+01:00', 'Berlin', 'Europe/Berlin ']) {
      expect(() => zone(wrong)).to.throw(
        ContractError,
        'label com.skep.scale.timezone: expected the name of a time zone',
      );
    }
  });

  it('goes through other labels, and through names that objects have, untouched', () => {
    expect(
      parseScaleLabels({ constructor: 'x', ['__proto__']: 'y', 'com.openfaas.scale.mode': 'rps' }),
    ).to.deep.equal(DEFAULTS);
  });
});
