import type { MsgHdrs } from '@nats-io/transport-node';
import type { Logger } from '../../log.ts';
import { pause } from '../../queue/pause.ts';
import { errorCodeOf, NO_STREAM } from '../jetstream-errors.ts';
import { Bodies, chunksOf, nuidOf, objectOf, streamOf } from './bodies.ts';
import { bodyNameOf, resultNameOf } from './call-codec.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';
import { headersOf, type StoredMessage, storedMessage, waitingMessages } from './stored-messages.ts';

export interface JanitorOptions {
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly logger: Logger;
  /** A body is somebody's as long as it is younger: it is stored before its call is. Default: an hour. */
  readonly youngMs?: number;
}

const YOUNG_MS = 3_600_000;
const EVERY_MS = 600_000;
const EVERYTHING = '>';

/**
 * Removes bodies that no call has: of gateways that were killed before they stored the call, of workers before they removed the body. It
 * removes what it has found without a call in two of its rounds, for what moves from one stream to another may be overlooked in one.
 */
export class BodyJanitor {
  readonly #options: JanitorOptions;
  readonly #bodies: Bodies;
  /** Names that were found without a call in the last round. */
  #suspects: ReadonlySet<string> = new Set();

  constructor(options: JanitorOptions) {
    this.#options = options;
    this.#bodies = new Bodies(options.sessions, options.names.bodies);
  }

  /** Goes round until `signal` is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    while (!signal.aborted) {
      try {
        const removed = await this.sweep(signal);
        if (removed > 0) logger.info('bodies without a call were removed', { removed });
      } catch (error) {
        if (errorCodeOf(error) !== NO_STREAM) {
          logger.warn('bodies without a call cannot be looked for', { reason: (error as Error).message });
        }
      }
      await pause(EVERY_MS, signal);
    }
  }

  /** One round. @returns how many were removed @throws {Error} what JetStream says */
  async sweep(signal: AbortSignal): Promise<number> {
    const session = await this.#options.sessions.get();
    const before = Date.now() - (this.#options.youngMs ?? YOUNG_MS);
    const { old, nuids } = await this.#objects(session, before);
    let removed = await this.#removeParts(session, { nuids, before });
    const suspects = old.size === 0 ? old : await this.#withoutCall(session, old, signal);
    if (signal.aborted) return removed;
    for (const name of suspects) {
      if (!this.#suspects.has(name)) continue;
      await this.#bodies.drop({ name });
      suspects.delete(name);
      removed++;
    }
    this.#suspects = suspects;
    return removed;
  }

  async #objects(
    session: JetStreamSession,
    before: number,
  ): Promise<{ readonly old: Set<string>; readonly nuids: ReadonlySet<string> }> {
    const { bodies } = this.#options.names;
    const old = new Set<string>();
    const nuids = new Set<string>();
    const subject = objectsOf(bodies);
    for (let seq = 1; ; ) {
      const message = await storedMessage(session, streamOf(bodies), { next: { seq, subject } });
      if (message === undefined) return { old, nuids };
      const nuid = nuidOf(message.data);
      if (nuid !== undefined) nuids.add(nuid);
      if (message.at < before) old.add(nameOf(message.subject));
      seq = message.seq + 1;
    }
  }

  /** Parts of what was never whole. */
  async #removeParts(
    session: JetStreamSession,
    { nuids, before }: { readonly nuids: ReadonlySet<string>; readonly before: number },
  ): Promise<number> {
    const { bodies } = this.#options.names;
    const { streams } = session.manager;
    const stream = streamOf(bodies);
    const all = chunksOf(bodies, EVERYTHING);
    const { state } = await streams.info(stream, { subjects_filter: all });
    let removed = 0;
    for (const subject of Object.keys(state.subjects ?? {})) {
      if (nuids.has(subject.slice(all.length - EVERYTHING.length))) continue;
      const last = await storedMessage(session, stream, { last: subject });
      if (last === undefined || last.at >= before) continue; // it is being stored
      await streams.purge(stream, { filter: subject });
      removed++;
    }
    return removed;
  }

  async #withoutCall(
    session: JetStreamSession,
    candidates: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Set<string>> {
    const { names } = this.#options;
    const left = new Set(candidates);
    const strike = async (
      messages: AsyncIterable<StoredMessage>,
      nameIn: (headers: MsgHdrs | undefined) => string | undefined,
    ): Promise<void> => {
      for await (const { headers } of messages) {
        const name = nameIn(headers);
        if (name !== undefined) left.delete(name);
        if (left.size === 0 || signal.aborted) return;
      }
    };
    const from = 1;
    const later = (): Promise<void> => strike(headersOf(session, names.later, { from }), bodyNameOf);
    await later();
    await strike(waitingMessages(session, names.queue, { from, subject: names.allCalls }), bodyNameOf);
    // What was in the queue a moment ago.
    await later();
    await strike(headersOf(session, names.dead, { from }), bodyNameOf);
    // The result of one step that is the next one's body, before the next one is in the queue.
    if (left.size > 0) await strike(headersOf(session, names.records, { from }), resultNameOf);
    return left;
  }
}

function objectsOf(bucket: string): string {
  return `${objectOf(bucket, '')}*`;
}

function nameOf(subject: string): string {
  const encoded = subject.slice(subject.lastIndexOf('.') + 1);
  return Buffer.from(encoded, 'base64url').toString();
}
