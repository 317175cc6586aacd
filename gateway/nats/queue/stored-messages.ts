import type { MsgRequest, NextMsgRequest } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import { errorCodeOf, NO_MESSAGE } from '../jetstream-errors.ts';
import type { JetStreamSession } from './session.ts';

/** A message as its stream has it. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
  /** When it was stored, milliseconds since 1970. */
  readonly at: number;
}

/** `next`: the first one of that subject, wildcards included, from there on. `last`: the last one of a subject. */
export type WhichMessage =
  | { readonly seq: number }
  | { readonly next: { readonly seq: number; readonly subject: string } }
  | { readonly last: string };

const NANOS_PER_MS = 1_000_000;
/** A reader that nobody has ended goes by itself. */
const READER_GOES_MS = 30_000;
const READ_MS = 5000;
const FIRST_BATCH = 128;
const LATER_BATCH = 1000;
const NOTHING = new Uint8Array(0);
/** Not found: by another's hand. */
const GONE = new Set([10037, 10043, 10057]);

/** @returns undefined: there is none (any more). @throws {Error} what JetStream says */
export async function storedMessage(
  { manager }: JetStreamSession,
  stream: string,
  which: WhichMessage,
): Promise<StoredMessage | undefined> {
  const query = toRequest(which);
  const message = await manager.streams.getMessage(stream, query).catch((error: unknown) => {
    if (errorCodeOf(error) === NO_MESSAGE) return null;
    throw error;
  });
  if (message === null) return undefined;
  const { seq, subject, header, data, time } = message;
  return { seq, subject, headers: header, data, at: time.getTime() };
}

function toRequest(which: WhichMessage): MsgRequest {
  if ('seq' in which) return { seq: which.seq };
  if ('last' in which) return { last_by_subj: which.last };
  // The server answers this from any place; the client's types know it of another request only.
  const next: NextMsgRequest = { seq: which.next.seq, next_by_subj: which.next.subject };
  return next as Partial<MsgRequest> as MsgRequest;
}

/** One that is gone already is no error. @throws {Error} what JetStream says */
export async function deleteStored(
  { manager }: JetStreamSession,
  stream: string,
  seq: number,
): Promise<void> {
  await manager.streams.deleteMessage(stream, seq, false).catch((error: unknown) => {
    if (!GONE.has(errorCodeOf(error))) throw error;
  });
}

/**
 * Messages of the queue, which gives what it has to one consumer for each function, and to nobody else: one after the other.
 * @param from sequence. @throws {Error} what JetStream says
 */
export async function* waitingMessages(
  session: JetStreamSession,
  stream: string,
  { from, subject }: { readonly from: number; readonly subject: string },
): AsyncGenerator<StoredMessage> {
  for (let seq = from; ; ) {
    const message = await storedMessage(session, stream, { next: { seq, subject } });
    if (message === undefined) return;
    yield { ...message, data: NOTHING };
    seq = message.seq + 1;
  }
}

/**
 * Messages of any other stream, those that there are, without their bodies.
 * @param from sequence. @param subject of those that are read; absent: all. @throws {Error} what JetStream says
 */
export async function* headersOf(
  { manager, js }: JetStreamSession,
  stream: string,
  { from, subject }: { readonly from: number; readonly subject?: string | undefined },
): AsyncGenerator<StoredMessage> {
  const reader = await manager.consumers.add(stream, {
    ack_policy: 'none',
    deliver_policy: 'by_start_sequence',
    opt_start_seq: Math.max(1, from),
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: READER_GOES_MS * NANOS_PER_MS,
    ...(subject !== undefined && { filter_subject: subject }),
  });
  try {
    const consumer = js.consumers.getConsumerFromInfo(reader);
    let left = reader.num_pending;
    for (let size = FIRST_BATCH; left > 0; size = LATER_BATCH) {
      let isEmpty = true;
      for await (const message of await consumer.fetch({
        max_messages: Math.min(left, size),
        expires: READ_MS,
      })) {
        isEmpty = false;
        const { seq, headers, info } = message;
        // Some of those that there were at the beginning may be gone.
        left = Math.min(left - 1, info.pending);
        yield {
          seq,
          subject: message.subject,
          headers,
          data: NOTHING,
          at: Math.floor(info.timestampNanos / NANOS_PER_MS),
        };
        if (left === 0) break;
      }
      if (isEmpty) return;
    }
  } finally {
    await manager.consumers.delete(stream, reader.name).catch(() => undefined);
  }
}
