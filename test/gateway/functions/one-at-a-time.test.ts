import { expect } from 'chai';
import { oneAtATime } from '../../../gateway/functions/one-at-a-time.ts';

describe('oneAtATime', () => {
  /** A job that ends when the test says so. */
  const heldJob = () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const job = { hasBegun: false, run: () => promise, end: resolve, fail: reject };
    job.run = () => {
      job.hasBegun = true;
      return promise;
    };
    return job;
  };
  const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

  it('runs the jobs of one key in turn, and those of another beside them', async () => {
    const inTurn = oneAtATime();
    const [first, second, other] = [heldJob(), heldJob(), heldJob()];
    const results = [inTurn('a', first.run), inTurn('a', second.run), inTurn('b', other.run)];
    other.end('other');
    expect(await results[2]).to.equal('other');
    expect([first.hasBegun, second.hasBegun]).to.deep.equal([true, false]);
    second.end('second');
    first.end('first');
    expect(await Promise.all(results)).to.deep.equal(['first', 'second', 'other']);
  });

  it('tells a failure to its own caller alone, also one that is thrown at once', async () => {
    const inTurn = oneAtATime();
    const failed = inTurn('a', () => Promise.reject(new Error('broken'))).catch(
      (error: Error) => error.message,
    );
    const after = inTurn('a', async () => 'fine');
    expect([await failed, await after]).to.deep.equal(['broken', 'fine']);
    const thrown = inTurn('a', () => {
      throw new Error('at once');
    }).catch((error: Error) => error.message);
    expect([await thrown, await inTurn('a', async () => 'fine')]).to.deep.equal(['at once', 'fine']);
  });

  it('never begins a job whose turn did not come in time, and keeps the order of the others', async () => {
    const inTurn = oneAtATime(20);
    const [slow, late, last] = [heldJob(), heldJob(), heldJob()];
    const first = inTurn('a', slow.run);
    const error = await inTurn('a', late.run).catch((cause: unknown) => cause);
    expect(codeOf(error)).to.equal('provider_unavailable');
    expect((error as Error).message).to.include('was not begun');
    const next = inTurn('a', last.run);
    last.end('last');
    expect([late.hasBegun, last.hasBegun]).to.deep.equal([false, false]);
    slow.end('slow');
    expect(await Promise.all([first, next])).to.deep.equal(['slow', 'last']);
    expect(late.hasBegun).to.equal(false);
  });

  it('gives a job that has begun all the time that it takes', async () => {
    const inTurn = oneAtATime(5);
    const slow = heldJob();
    const result = inTurn('a', slow.run);
    await new Promise((resolve) => setTimeout(resolve, 30));
    slow.end('done');
    expect(await result).to.equal('done');
  });
});
