import { expect } from 'chai';
import type { CallRecord } from '../../../gateway/queue/call.ts';
import { Persistence } from '../../../gateway/queue-worker/persistence.ts';
import { fakeRecord } from '../../support/fake-calls.ts';

const RECORD = fakeRecord({
  state: 'succeeded',
  attempts: [{ step: 0, attempt: 1, startedAt: 1, seconds: 1, status: 200 }],
  result: { status: 200, headers: ['A', 'b'], bytes: 4, kept: 'message' },
});

/** Refuses the first so many writes for the length of their headers. */
function refusing(times: number): {
  readonly persistence: Persistence;
  readonly written: CallRecord[];
} {
  const written: CallRecord[] = [];
  const persistence = new Persistence({
    records: {
      read: async () => undefined,
      write: async (record) => {
        written.push(record);
        if (written.length <= times) throw new Error('header size exceeds maximum');
        return written.length;
      },
    },
    failureOf: () => 'too_long',
  });
  return { persistence, written };
}

describe('what a worker writes down', () => {
  it('is written without headers and attempts when it is refused for its length', async () => {
    const { persistence, written } = refusing(1);
    expect(await persistence.write(RECORD, 0, Buffer.from('body'))).to.equal(2);
    expect(written[1]).to.deep.equal({
      ...RECORD,
      attempts: [],
      result: { status: 200, headers: [], bytes: 4, kept: 'message' },
    });
  });

  it('is not tried for ever when it is refused even then', async () => {
    const { persistence, written } = refusing(Number.POSITIVE_INFINITY);
    const error = await persistence.write(RECORD, 0).catch((reason: unknown) => reason);
    expect(error).to.have.property('message', 'header size exceeds maximum');
    expect(written).to.have.length(2);
  });
});
