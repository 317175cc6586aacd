import { expect } from 'chai';
import { type Arrival, Arrivals } from '../../../gateway/build/arrivals.ts';
import { FaasError } from '../../../gateway/errors.ts';

describe('build requests that come in', () => {
  const taken: Arrival[] = [];
  afterEach(() => {
    for (const { end } of taken.splice(0)) end();
  });
  const take = (arrivals: Arrivals, address = ''): Arrival => {
    const arrival = arrivals.take(address);
    taken.push(arrival);
    return arrival;
  };
  const reasonOf = ({ signal }: Arrival): string | undefined => {
    const { reason } = signal;
    return reason instanceof FaasError ? `${reason.code} ${reason.message}` : undefined;
  };
  const aborted = ({ signal }: Arrival): Promise<unknown> =>
    new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));

  it('have their places until they end', () => {
    const arrivals = new Arrivals({ most: 2 });
    const first = take(arrivals);
    take(arrivals);
    expect(() => arrivals.take('')).to.throw(FaasError, '2 build requests come in already');
    first.end();
    first.end();
    take(arrivals);
    expect(() => arrivals.take(''))
      .to.throw(FaasError)
      .with.property('retryAfterSeconds', 10);
  });

  it('give them to the next when they are the slowest of all, and the others stay', () => {
    const arrivals = new Arrivals({ most: 3, settleMs: 0, keepBytesPerSecond: Infinity });
    const [fast, slow, middle] = [take(arrivals), take(arrivals), take(arrivals)];
    fast.count(1_000_000);
    slow.count(10);
    middle.count(1000);
    const next = take(arrivals);
    next.count(1_000_000);
    expect([fast, slow, middle, next].map(reasonOf).map((reason) => reason?.split(' ')[0])).to.deep.equal([
      undefined,
      'builder_busy',
      undefined,
      undefined,
    ]);
    // Whose place went to another one gives none back.
    slow.end();
    take(arrivals).count(1_000_000);
    expect(reasonOf(middle)).to.match(/^builder_busy .*slowest/);
  });

  it('give them to one of another address when they are the slowest of the address with most of them', () => {
    const arrivals = new Arrivals({ most: 3, settleMs: 0 });
    const alone = take(arrivals, 'alone');
    const [slow, fast] = [take(arrivals, 'many'), take(arrivals, 'many')];
    slow.count(10);
    fast.count(1000);
    const other = take(arrivals, 'other');
    expect([alone, slow, fast, other].map(reasonOf)).to.deep.equal([
      undefined,
      'builder_busy of 3 build requests that came in this was the slowest, and another wanted its place: try again in a while',
      undefined,
      undefined,
    ]);
    // As many as the others have, and one more than they with the next: it pays itself.
    const again = take(arrivals, 'other');
    expect([alone, fast, again].map(reasonOf)).to.deep.equal([undefined, undefined, undefined]);
    expect(reasonOf(other)).to.match(/^builder_busy/);
  });

  it('keep them against an address that comes again and again', () => {
    const arrivals = new Arrivals({ most: 2, settleMs: 0 });
    const patient = take(arrivals, 'patient');
    for (let count = 0; count < 20; count += 1) take(arrivals, 'flood');
    expect(reasonOf(patient)).to.equal(undefined);
  });

  it('give them to another address, new and fast as they are, when their own holds more than half', () => {
    const arrivals = new Arrivals({ most: 3, settleMs: 60_000, keepBytesPerSecond: 1 });
    for (let count = 0; count < 3; count += 1) take(arrivals, 'many').count(1_000_000);
    expect(() => arrivals.take('many')).to.throw(FaasError, 'come in already');
    take(arrivals, 'one');
    take(arrivals, 'two');
    expect(() => arrivals.take('three')).to.throw(FaasError, 'come in already');
  });

  it('keep them while they have had no time to begin', () => {
    const arrivals = new Arrivals({ most: 1, settleMs: 60_000 });
    const young = take(arrivals);
    expect(() => arrivals.take('')).to.throw(FaasError);
    expect(reasonOf(young)).to.equal(undefined);
  });

  it('keep them while they come in fast, however many others come', () => {
    const arrivals = new Arrivals({ most: 1, settleMs: 0, keepBytesPerSecond: 1 });
    const fast = take(arrivals);
    fast.count(1_000_000);
    expect(() => arrivals.take('')).to.throw(FaasError, 'come in already');
    expect(reasonOf(fast)).to.equal(undefined);
  });

  it('are ended when they come in too slowly, or for too long', async () => {
    const slow = take(new Arrivals({ graceMs: 5, leastBytesPerSecond: 1e9 }));
    const long = take(new Arrivals({ longestMs: 5, leastBytesPerSecond: 0 }));
    await Promise.all([aborted(slow), aborted(long)]);
    expect(reasonOf(slow)).to.match(/^invalid_request .*a second/);
    expect(reasonOf(long)).to.match(/^invalid_request .*0\.005 s to come in/);
  });
});
