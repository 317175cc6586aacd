import type { MsgHdrs } from '@nats-io/transport-node';
import type { CallRecord } from '../../queue/call.ts';
import { type DeadLetter, MOST_RESPONSE_BYTES } from '../../queue/call-queue.ts';
import { brief, fitRecord } from '../../queue/fit-record.ts';
import { storedCallBytes } from '../../queue/stored-call.ts';
import { MOST_STORED_BYTES, storedBytes } from '../../queue/stored-size.ts';
import { decodeCall, decodeRecord, encodeCall, encodeRecord, type Message } from './call-codec.ts';
import { fromHeaderJson, toHeaderJson } from './session.ts';

const DEATH = 'Skep-Death';
/** Of it, so much is worth more than the headers beside it. */
const WORTHY_RESPONSE_BYTES = 1024;
const MOST_REASON_BYTES = 2000;
/** Names of headers, and what separates them. */
const NAMES_BYTES = 128;

interface Death {
  readonly diedAt: number;
  readonly reason: string;
  /** Base64. */
  readonly response: string;
}

/** What is published for a dead call: the call as it was to be run, and beside it as much of how it died as there is room for. */
export function encodeDead(
  { call, record, diedAt, reason, response }: DeadLetter,
  headers: MsgHdrs,
): { readonly headers: MsgHdrs; readonly payload: Uint8Array } {
  const death: Death = { diedAt, reason: brief(reason, MOST_REASON_BYTES), response: '' };
  let room = MOST_STORED_BYTES - NAMES_BYTES - storedCallBytes(call) - storedBytes(death);
  if (record !== undefined) {
    const worthy = base64Chars(Math.min(response.length, WORTHY_RESPONSE_BYTES));
    const fitted = fitRecord(withoutCall(record), room - worthy);
    const taken = storedBytes(fitted);
    if (taken <= room) {
      encodeRecord(fitted, headers);
      room -= taken;
    }
  }
  const most = Math.min(MOST_RESPONSE_BYTES, Math.floor(Math.max(0, room) / 4) * 3);
  const start = Buffer.from(response.subarray(0, most)).toString('base64');
  headers.set(DEATH, toHeaderJson({ ...death, response: start }));
  return encodeCall(call, headers);
}

/** @throws {Error} when it is none of ours */
export function decodeDead(message: Message): DeadLetter {
  const death = fromHeaderJson(message.headers, DEATH) as Partial<Death> | null;
  if (typeof death?.diedAt !== 'number' || typeof death.reason !== 'string')
    throw new Error('no dead letter');
  const call = decodeCall(message, 'queue');
  const { steps, callbackUrl } = call;
  const record = message.headers?.has('Skep-Record') ? decodeRecord(message) : undefined;
  return {
    call,
    record: record && { ...record, steps, ...(callbackUrl !== undefined && { callbackUrl }) },
    diedAt: death.diedAt,
    reason: death.reason,
    response: Buffer.from(death.response ?? '', 'base64'),
  };
}

/** The call beside it says the same. */
function withoutCall({ callbackUrl: _same, ...record }: CallRecord): CallRecord {
  return { ...record, steps: [] };
}

function base64Chars(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}
