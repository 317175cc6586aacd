import type { QueuedCall } from '../../queue/call.ts';
import { type FirstPlace, placeOf } from '../../queue/call-id.ts';
import { decodeCall } from './call-codec.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSession } from './session.ts';
import { type StoredMessage, storedMessage } from './stored-messages.ts';

export interface WaitingCall {
  readonly call: QueuedCall;
  readonly stream: string;
  readonly seq: number;
}

/**
 * A call that nobody has named, where its id says that it was stored.
 * @returns undefined: it is not there (any more), or the id says nothing of the kind
 */
export async function waitingCall(
  session: JetStreamSession,
  names: QueueNames,
  id: string,
): Promise<WaitingCall | undefined> {
  const where = placeOf(id);
  if (where === undefined) return undefined;
  const stream = names[where.place];
  const message = await storedMessage(session, stream, { seq: where.sequence });
  const call = message && readCall(message, where.place);
  return call?.id === id ? { call, stream, seq: where.sequence } : undefined;
}

/** @returns undefined: it is something else */
export function readCall(message: StoredMessage, place: FirstPlace): QueuedCall | undefined {
  try {
    return decodeCall(message, place);
  } catch {
    return undefined; // a callback, or of another version
  }
}
