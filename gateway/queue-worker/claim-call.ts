import { type Attempt, type CallRecord, ENDED } from '../queue/call.ts';
import { nextInstance } from '../queue/call-id.ts';
import { runningRecord } from '../queue/call-progress.ts';
import type { Delivery, StoredRecord } from '../queue/worker-queue.ts';
import type { Persistence } from './persistence.ts';

/** What is to be done with a message that was given. `revision` is that of the record; undefined: the call has none of its own. */
export type Claim =
  | { readonly kind: 'run'; readonly record: CallRecord; readonly revision: number | undefined }
  /** It was run by somebody who was lost. */
  | { readonly kind: 'lost'; readonly record: CallRecord; readonly revision: number | undefined }
  /** Its attempt is over, and told of; what follows from it may be missing. */
  | { readonly kind: 'settled'; readonly stored: StoredRecord }
  /** The call has ended, in another way than by this message. */
  | { readonly kind: 'ended'; readonly record: CallRecord }
  /** Another message has the same call, and runs or has run it. */
  | { readonly kind: 'copy' };

/** Of a call without a record of its own, before an attempt counts as lost: a message also comes again when workers stop, or have no place. */
const MOST_UNTOLD_DELIVERIES = 20;

/**
 * Writes that a call's attempt runs, before it does, if that is how the record stands.
 * @param nowMs milliseconds since 1970
 * @throws {Error} when it cannot be known
 */
export async function claimCall(delivery: Delivery, records: Persistence, nowMs: number): Promise<Claim> {
  const { call } = delivery;
  // Only the first attempt of a call has nothing behind it that its record must go on telling of.
  if (call.attempt > 1 || call.step > 0) {
    const found = await records.read(call.id);
    if (found?.revision !== call.revision) return decide(found);
    return claim(found.revision, found.record.attempts);
  }
  // What was given before may have been run before: there is a record then.
  if (delivery.deliveries > 1) {
    const found = await records.read(call.id);
    if (found !== undefined && found.revision !== call.revision) return decide(found);
  }
  return claim(call.revision, []);

  async function claim(seen: number, attempts: readonly Attempt[]): Promise<Claim> {
    const record = runningRecord(call, { message: delivery.seq, nowMs, attempts });
    const revision = await records.write(record, seen);
    if (revision !== 'conflict') return { kind: 'run', record, revision };
    return decide(await records.read(call.id));
  }

  /** The record is not as whoever stored the message had left it. */
  async function decide(found: StoredRecord | undefined): Promise<Claim> {
    // It was forgotten: there is only so much room for records.
    if (found === undefined) return claim(0, []);
    const { record, revision } = found;
    // Sent again since it died: the new call has its id and its input.
    if (record.instance === nextInstance(call.instance)) return { kind: 'copy' };
    if (record.instance !== call.instance) return withoutRecord();
    if (record.message === delivery.seq) {
      const isOver = record.state !== 'running';
      return isOver ? { kind: 'settled', stored: found } : { kind: 'lost', record, revision };
    }
    // Its worker has given it back, before it had called anybody.
    const isGivenBack =
      record.state === 'queued' && record.step === call.step && record.attempt < call.attempt;
    if (isGivenBack) return claim(revision, record.attempts);
    return ENDED.has(record.state) ? { kind: 'ended', record } : { kind: 'copy' };
  }

  /** Another call has taken the id, and is told of; this one runs as it would have. */
  function withoutRecord(): Claim {
    const record = runningRecord(call, { message: delivery.seq, nowMs, attempts: [] });
    // Nothing tells whether it was run before; one that ends its worker each time must not go on for ever.
    const isLost = delivery.deliveries > MOST_UNTOLD_DELIVERIES;
    return { kind: isLost ? 'lost' : 'run', record, revision: undefined };
  }
}
