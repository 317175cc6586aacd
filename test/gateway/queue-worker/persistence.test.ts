import { expect } from 'chai';
import { HEADERS_TOO_LONG } from '../../../gateway/nats/queue/refusal.ts';
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
    read: async () => undefined,
    write: async (record) => {
      written.push(record);
      if (written.length <= times)
        throw Object.assign(new Error('header size exceeds maximum'), { code: HEADERS_TOO_LONG });
      return written.length;
    },
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
    expect(error).to.include({ code: HEADERS_TOO_LONG });
    expect(written).to.have.length(2);
  });
});
