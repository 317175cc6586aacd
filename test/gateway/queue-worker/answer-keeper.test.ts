import { expect } from 'chai';
import type { ObjectBody } from '../../../gateway/queue/call.ts';
import { AnswerKeeper } from '../../../gateway/queue-worker/answer-keeper.ts';

const PART = new Uint8Array(300_000);

/** A store that gives up after the first part, and says so when it is let. */
function givingUp(): {
  readonly store: (body: ReadableStream<Uint8Array>) => Promise<ObjectBody>;
  readonly gaveUp: Promise<void>;
  readonly say: () => void;
} {
  const gaveUp = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  return {
    gaveUp: gaveUp.promise,
    say: told.resolve,
    store: async (body) => {
      const reader = body.getReader();
      await reader.read();
      await reader.cancel();
      gaveUp.resolve();
      await told.promise;
      throw new Error('there is no room');
    },
  };
}

describe('keeping an answer', () => {
  it('goes on with one whose store has given up, and tells that it was not kept', async () => {
    const { store, gaveUp, say } = givingUp();
    const keeper = new AnswerKeeper({
      status: 200,
      headers: [],
      most: 10_000_000,
      isNeeded: false,
      store,
      drain: () => undefined,
    });
    keeper.write(PART);
    keeper.write(PART);
    await gaveUp;
    expect(keeper.write(PART)).to.equal(true);
    keeper.end();
    say();
    const kept = await keeper.finish();
    expect(kept?.result).to.deep.include({ status: 200, bytes: 900_000, kept: 'dropped' });
  });
});
