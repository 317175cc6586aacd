import type { MsgHdrs } from '@nats-io/transport-node';
import type { ObjectBody } from '../../queue/call.ts';
import type { QueuedCallback } from '../../queue/callback.ts';
import type { Message } from './call-codec.ts';
import { fromHeaderJson, toHeaderJson } from './session.ts';

const CALLBACK = 'Skep-Callback';
const NOTHING = new Uint8Array(0);

type StoredCallback = Omit<QueuedCallback, 'body'> & { readonly object?: ObjectBody };

export function encodeCallback(
  callback: QueuedCallback,
  headers: MsgHdrs,
): { readonly headers: MsgHdrs; readonly payload: Uint8Array } {
  const { body, ...facts } = callback;
  const isInline = body instanceof Uint8Array;
  const stored: StoredCallback = isInline ? facts : { ...facts, object: body };
  headers.set(CALLBACK, toHeaderJson(stored));
  return { headers, payload: isInline ? body : NOTHING };
}

export function isCallback(message: Pick<Message, 'headers'>): boolean {
  return message.headers?.has(CALLBACK) ?? false;
}

/** @throws {Error} when it is none of ours */
export function decodeCallback(message: Message): QueuedCallback {
  const value = fromHeaderJson(message.headers, CALLBACK);
  if (typeof value !== 'object' || value === null) throw new Error('no callback');
  const { object, ...facts } = value as StoredCallback;
  if (typeof facts.url !== 'string' || typeof facts.id !== 'string') throw new Error('no callback');
  return { ...facts, body: object ?? message.data };
}
