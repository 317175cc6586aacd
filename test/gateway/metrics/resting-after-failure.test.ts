import { expect } from 'chai';
import { restingAfterFailure } from '../../../gateway/metrics/resting-after-failure.ts';

describe('restingAfterFailure', () => {
  let nowMs = 0;
  let asked = 0;
  beforeEach(() => {
    nowMs = 0;
    asked = 0;
  });
  const succeed = async (): Promise<string> => {
    asked++;
    return 'read';
  };
  const fail = async (): Promise<string> => {
    asked++;
    throw new Error(`failure ${asked}`);
  };
  const outcome = (read: Promise<string>): Promise<string> => read.catch((error: Error) => error.message);

  it('asks each time while it is answered', async () => {
    const resting = restingAfterFailure({ restMs: 5000, now: () => nowMs });
    expect([await resting(succeed), await resting(succeed), asked]).to.deep.equal(['read', 'read', 2]);
  });

  it('fails at once after a failure, and asks again after a while', async () => {
    const resting = restingAfterFailure({ restMs: 5000, now: () => nowMs });
    const outcomes = [await outcome(resting(fail)), await outcome(resting(succeed))];
    nowMs = 4999;
    outcomes.push(await outcome(resting(succeed)));
    nowMs = 5000;
    outcomes.push(await outcome(resting(succeed)), await outcome(resting(fail)));
    expect(outcomes).to.deep.equal(['failure 1', 'failure 1', 'failure 1', 'read', 'failure 3']);
  });

  it('takes a caller that left for no failure', async () => {
    const resting = restingAfterFailure({ restMs: 5000, now: () => nowMs });
    await outcome(resting(fail, AbortSignal.abort()));
    expect(await outcome(resting(succeed))).to.equal('read');
  });

  it('asks each time where it is not told to rest', async () => {
    const resting = restingAfterFailure();
    expect([await outcome(resting(fail)), await outcome(resting(fail))]).to.deep.equal([
      'failure 1',
      'failure 2',
    ]);
  });
});
