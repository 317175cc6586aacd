import { expect } from 'chai';
import { functionTimeLimit, timeLimitProblem } from '../../../../gateway/data-plane/limits/time-limit.ts';

const GATEWAY_MS = 60_000;

describe('the time limit of a function', () => {
  const of = (annotation: string | undefined, envVars: Record<string, string> = {}, gatewayMs = GATEWAY_MS) =>
    functionTimeLimit(annotation === undefined ? {} : { 'com.skep.timeout': annotation }, envVars, gatewayMs);

  it('is the gateway’s where the function says nothing', () => {
    expect(of(undefined)).to.equal(undefined);
  });

  it('is its annotation’s, whatever its environment says', () => {
    expect(of('5s', { write_timeout: '20s', exec_timeout: '20s' })).to.include({
      ms: 5000,
      name: 'its annotation com.skep.timeout (5 s)',
      sparesStreams: false,
    });
  });

  it('is never longer than the gateway’s', () => {
    expect(of('10m')).to.equal(undefined);
    expect(of('60s')).to.equal(undefined);
    expect(of(undefined, { write_timeout: '10m' })).to.equal(undefined);
    expect(of('10m', {}, 0)?.ms).to.equal(600_000); // upstream_timeout=0: the gateway has none
  });

  it('is what its environment tells the watchdog, and a second in which the watchdog can say so itself', () => {
    expect(of(undefined, { write_timeout: '20s' })?.ms).to.equal(21_000);
    expect(of(undefined, { write_timeout: '5s', exec_timeout: '20s' })?.ms).to.equal(21_000);
    expect(of(undefined, { write_timeout: '20s', exec_timeout: '5s' })?.ms).to.equal(21_000);
    expect(of(undefined, { write_timeout: '20s' })?.name).to.contain('write_timeout (20 s');
    expect(of(undefined, { write_timeout: '5s', exec_timeout: '20s' })?.name).to.contain(
      'exec_timeout (20 s',
    );
  });

  it('does not end what the watchdog would still serve: its write_timeout is 30 s unless told otherwise', () => {
    expect(of(undefined, { exec_timeout: '5s' })?.ms).to.equal(31_000);
    expect(of(undefined, { exec_timeout: '40s' })?.ms).to.equal(41_000);
  });

  it('spares event streams where the watchdog does', () => {
    expect(of(undefined, { write_timeout: '5s' })?.sparesStreams).to.equal(true);
  });

  it('is the gateway’s where the watchdog’s limits are switched off, or cannot be read', () => {
    expect(of(undefined, { write_timeout: '0' })).to.equal(undefined);
    expect(of(undefined, { write_timeout: '0', exec_timeout: '5s' })).to.equal(undefined);
    expect(of(undefined, { exec_timeout: '0' })).to.equal(undefined);
    expect(of(undefined, { write_timeout: 'soon', exec_timeout: '' })).to.equal(undefined);
  });

  it('is not spoilt by an annotation that cannot be read: it counts as absent, and is told of', () => {
    expect(of('soon')).to.equal(undefined);
    expect(of('0s', { write_timeout: '20s' })?.ms).to.equal(21_000);
    expect(timeLimitProblem({ 'com.skep.timeout': 'soon' })).to.contain('com.skep.timeout');
    expect(timeLimitProblem({ 'com.skep.timeout': '5s' })).to.equal(undefined);
  });
});
