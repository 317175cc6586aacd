import type { MsgHdrs } from '@nats-io/transport-node';
import { MOST_HEADER_BYTES, type ObjectBody } from '../../queue/call.ts';
import type { CallbackRecord, QueuedCallback } from '../../queue/callback.ts';
import { brief } from '../../queue/fit-record.ts';
import { keptHeaders } from '../../queue/kept-headers.ts';
import type { Message } from './call-codec.ts';
import { fromHeaderJson, toHeaderJson } from './session.ts';

const CALLBACK = 'Skep-Callback';
const RECORD = 'Skep-Callback-Record';
/** Of each attempt; 20 of them fit. */
const MOST_REASON_BYTES = 500;
const NOTHING = new Uint8Array(0);

type StoredCallback = Omit<QueuedCallback, 'body'> & { readonly object?: ObjectBody };

export function isCallback(headers: MsgHdrs | undefined): boolean {
  return headers?.has(CALLBACK) === true;
}

/** What is published for a callback: its facts in a header, so that they can be read without its body. */
export function encodeCallback(
  { body, headers: all, ...others }: QueuedCallback,
  headers: MsgHdrs,
): { readonly headers: MsgHdrs; readonly payload: Uint8Array } {
  const isInline = body instanceof Uint8Array;
  const facts = { ...others, headers: keptHeaders(all, MOST_HEADER_BYTES) };
  const stored: StoredCallback = isInline ? facts : { ...facts, object: body };
  headers.set(CALLBACK, toHeaderJson(stored));
  return { headers, payload: isInline ? body : NOTHING };
}

/** @throws {Error} when it is none of ours */
export function decodeCallback({ headers, data }: Message): QueuedCallback {
  const value = fromHeaderJson(headers, CALLBACK);
  if (typeof value !== 'object' || value === null) throw new Error('no callback');
  const { object, ...stored } = value as StoredCallback;
  if (typeof stored.id !== 'string' || typeof stored.url !== 'string' || typeof stored.queue !== 'string') {
    throw new Error('no callback');
  }
  return { ...stored, body: object ?? data };
}

/** Reasons are cut short: they may name hosts that whoever answered has made up. */
export function encodeCallbackRecord(record: CallbackRecord, headers: MsgHdrs): MsgHdrs {
  const attempts = record.attempts.map(({ error, ...attempt }) =>
    error === undefined ? attempt : { ...attempt, error: brief(error, MOST_REASON_BYTES) },
  );
  headers.set(RECORD, toHeaderJson({ ...record, attempts }));
  return headers;
}

/** @throws {Error} when it is none of ours */
export function decodeCallbackRecord({ headers }: Pick<Message, 'headers'>): CallbackRecord {
  const value = fromHeaderJson(headers, RECORD);
  if (typeof value !== 'object' || value === null) throw new Error('no record of a callback');
  return value as CallbackRecord;
}
