import type { MsgHdrs } from '@nats-io/transport-node';
import type { CallRecord } from '../../queue/call.ts';
import type { DeadLetter } from '../../queue/call-queue.ts';
import { decodeCall, decodeRecord, encodeCall, encodeRecord, type Message } from './call-codec.ts';
import { fromHeaderJson, toHeaderJson } from './session.ts';

const DEATH = 'Skep-Death';
/** Of the last answer's body: enough to see what went wrong. The whole of it is with the call's record, as long as that is kept. */
const MOST_RESPONSE_BYTES = 16 * 1024;
/** Beside a call of its longest body and headers there is room for so much in a message. */
const MOST_RECORD_CHARS = 64 * 1024;

interface Death {
  readonly diedAt: number;
  readonly reason: string;
  /** Base64. */
  readonly response: string;
}

/** What is published for a dead call: the call as it was to be run, and beside it how it died. */
export function encodeDead(
  { call, record, diedAt, reason, response }: DeadLetter,
  headers: MsgHdrs,
): { readonly headers: MsgHdrs; readonly payload: Uint8Array } {
  const start = Buffer.from(response.subarray(0, MOST_RESPONSE_BYTES)).toString('base64');
  const death: Death = { diedAt, reason: reason.slice(0, 2000), response: start };
  headers.set(DEATH, toHeaderJson(death));
  if (record !== undefined) encodeRecord(shortened(record), headers);
  return encodeCall(call, headers);
}

/** @throws {Error} when it is none of ours */
export function decodeDead(message: Message): DeadLetter {
  const death = fromHeaderJson(message.headers, DEATH) as Partial<Death> | null;
  if (typeof death?.diedAt !== 'number' || typeof death.reason !== 'string')
    throw new Error('no dead letter');
  return {
    call: decodeCall(message, 'queue'),
    record: message.headers?.has('Skep-Record') ? decodeRecord(message) : undefined,
    diedAt: death.diedAt,
    reason: death.reason,
    response: Buffer.from(death.response ?? '', 'base64'),
  };
}

function shortened(record: CallRecord): CallRecord {
  if (toHeaderJson(record).length <= MOST_RECORD_CHARS || record.result === undefined) return record;
  return { ...record, result: { ...record.result, headers: [] } };
}
