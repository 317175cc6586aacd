import type { MsgHdrs } from '@nats-io/transport-node';
import type { CallBody, CallRecord, ObjectBody, QueuedCall } from '../../queue/call.ts';
import { type FirstPlace, idOf } from '../../queue/call-id.ts';
import { callFacts, withCallId } from '../../queue/stored-call.ts';
import { fromHeaderJson, toHeaderJson } from './session.ts';

const CALL = 'Skep-Call';
const RECORD = 'Skep-Record';

/** A call as its message has it: the id is left out where the message's own place says it. */
type StoredCall = Omit<QueuedCall, 'body' | 'id'> & {
  readonly id?: string;
  readonly object?: ObjectBody;
};

export interface Message {
  readonly seq: number;
  readonly headers?: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** What is published for a call: its facts in a header, so that they can be read without its body. `id` absent: the place says it. */
export function encodeCall(
  call: Omit<QueuedCall, 'id'> & { readonly id?: string },
  headers: MsgHdrs,
): { readonly headers: MsgHdrs; readonly payload: Uint8Array } {
  headers.set(CALL, toHeaderJson(callFacts(call)));
  return { headers, payload: call.body instanceof Uint8Array ? call.body : NOTHING };
}

/** @param place the stream that the message is in. @throws {Error} when it is none of ours */
export function decodeCall(message: Message, place: FirstPlace): QueuedCall {
  const { object, ...stored } = readHeader(message, CALL) as StoredCall;
  if (typeof stored.instance !== 'string' || !Array.isArray(stored.steps)) throw new Error('no call');
  const body: CallBody = object ?? message.data;
  const id = stored.id ?? idOf(place, message.seq, stored.instance);
  return { ...stored, id, headers: withCallId(stored.headers, id), body };
}

/** Of the body that a call has in the store of bodies. @returns undefined: it has none there */
export function bodyNameOf(headers: MsgHdrs | undefined): string | undefined {
  const text = headers?.get(CALL);
  if (!text) return undefined;
  const { object } = parseLoosely(text) as Partial<StoredCall>;
  return object?.name;
}

/** Of the result that a call has in a store. @returns undefined: it has none there */
export function resultNameOf(headers: MsgHdrs | undefined): string | undefined {
  const text = headers?.get(RECORD);
  if (!text) return undefined;
  const kept = (parseLoosely(text) as Partial<CallRecord>).result?.kept;
  return typeof kept === 'object' ? kept.name : undefined;
}

export function encodeRecord(record: CallRecord, headers: MsgHdrs): MsgHdrs {
  headers.set(RECORD, toHeaderJson(record));
  return headers;
}

/** @throws {Error} when it is none of ours */
export function decodeRecord(message: Pick<Message, 'headers'>): CallRecord {
  const record = readHeader(message, RECORD) as CallRecord;
  if (typeof record.id !== 'string' || typeof record.state !== 'string')
    throw new Error('no record of a call');
  return record;
}

const NOTHING = new Uint8Array(0);

function readHeader(message: Pick<Message, 'headers'>, name: string): object {
  const value = fromHeaderJson(message.headers, name);
  if (typeof value !== 'object' || value === null) throw new Error(`no ${name}`);
  return value;
}

function parseLoosely(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
