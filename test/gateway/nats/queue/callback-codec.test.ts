import { headers } from '@nats-io/transport-node';
import { expect } from 'chai';
import { decodeCallbackRecord, encodeCallbackRecord } from '../../../../gateway/nats/queue/callback-codec.ts';
import { MOST_ATTEMPTS_TOLD } from '../../../../gateway/queue/call.ts';
import type { CallbackRecord } from '../../../../gateway/queue/callback.ts';
import { MOST_STORED_BYTES } from '../../../../gateway/queue/stored-size.ts';

describe('the record of a callback', () => {
  it('fits into a message, however long the reasons of its attempts are', () => {
    const attempt = { startedAt: 1_795_000_000_000, seconds: 1.5, error: 'é'.repeat(16_000) };
    const attempts = [
      ...Array.from({ length: MOST_ATTEMPTS_TOLD - 1 }, () => attempt),
      { startedAt: 1, seconds: 1, status: 502 },
    ];
    const record: CallbackRecord = { id: 'a', instance: 'b', state: 'waiting', attempts, runAt: 2 };
    const stored = encodeCallbackRecord(record, headers());
    expect(stored.get('Skep-Callback-Record').length).to.be.lessThan(MOST_STORED_BYTES);
    const read = decodeCallbackRecord({ headers: stored });
    expect(read.attempts[0]).to.deep.equal({ ...attempt, error: 'é'.repeat(83) });
    expect({ ...read, attempts: [read.attempts.at(-1)] }).to.deep.equal({
      ...record,
      attempts: [attempts.at(-1)],
    });
  });
});
