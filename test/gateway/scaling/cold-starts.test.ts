import { expect } from 'chai';
import { ColdStarts } from '../../../gateway/scaling/cold-starts.ts';

describe('ColdStarts', () => {
  const key = 'echo.openfaas-fn';
  let now: number;
  let told: (string | number)[];
  let coldStarts: ColdStarts;

  beforeEach(() => {
    now = 1000;
    told = [];
    coldStarts = new ColdStarts({
      onBegun: (name) => void told.push(`begun ${name}`),
      onReady: (_, seconds) => void told.push(seconds),
      now: () => now,
    });
  });

  it('lasts from the call to the first replica that is ready', () => {
    coldStarts.begun(key, 500);
    coldStarts.observe(key, false);
    now = 1250;
    coldStarts.observe(key, true);
    coldStarts.observe(key, true);
    expect(told).to.deep.equal([`begun ${key}`, 0.75]);
  });

  it('is none of a function that nobody has woken', () => {
    coldStarts.begun(key, 500);
    coldStarts.observe('other.openfaas-fn', true);
    expect(told).to.deep.equal([`begun ${key}`]);
  });

  it('has no end for a function that was removed, or that nothing starts for minutes', () => {
    coldStarts.begun(key, 500);
    coldStarts.gone(key);
    coldStarts.observe(key, true);
    coldStarts.begun(key, 500);
    now += 11 * 60_000;
    coldStarts.observe(key, false);
    coldStarts.observe(key, true);
    expect(told).to.deep.equal([`begun ${key}`, `begun ${key}`]);
  });
});
