import type { MsgHdrs } from '@nats-io/transport-node';
import { splitFunctionName } from '../../../contract/function-ref.ts';
import { currentStep, type QueuedCall } from '../../queue/call.ts';
import type { DeadLetter } from '../../queue/call-queue.ts';
import type { QueuedCallback } from '../../queue/callback.ts';
import { withKeptHeaders } from '../../queue/stored-call.ts';
import type { FollowUpStore } from '../../queue/worker-queue.ts';
import { encodeCall } from './call-codec.ts';
import { encodeCallback } from './callback-codec.ts';
import { encodeDead } from './dead-codec.ts';
import type { QueueNames } from './names.ts';
import { QueueConsumers } from './queue-consumers.ts';
import type { JetStreamSessions } from './session.ts';

interface Encoded {
  readonly headers: MsgHdrs;
  readonly payload: Uint8Array;
}

/** What follows from an attempt. Each takes an id by which the stream knows a message that it has had already; each @throws {Error} what JetStream says. */
export class CallOutlet implements FollowUpStore {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  readonly #consumers: QueueConsumers;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#names = names;
    this.#consumers = new QueueConsumers(sessions, names);
  }

  /** To be run at its `runAt`. */
  async later(call: QueuedCall, messageId: string): Promise<void> {
    const { queue, function: name } = currentStep(call);
    const subject = this.#names.laterCall(queue, splitFunctionName(name));
    await this.#publish(subject, messageId, (headers) => encodeCall(call, headers));
  }

  /** To be run as soon as somebody can. Of a function's answer it has headers, which may be too long. */
  async now(next: QueuedCall, messageId: string): Promise<void> {
    const { queue, function: name } = currentStep(next);
    const call = withKeptHeaders(next);
    await this.#consumers.ensure(queue, name);
    const subject = this.#names.call(queue, splitFunctionName(name));
    await this.#publish(subject, messageId, (headers) => encodeCall(call, headers));
  }

  /** @returns the sequence of the letter */
  dead(letter: DeadLetter, messageId: string): Promise<number> {
    const subject = this.#names.deadLetter(splitFunctionName(currentStep(letter.call).function));
    return this.#publish(subject, messageId, (headers) => encodeDead(letter, headers));
  }

  async callback(callback: QueuedCallback, messageId: string): Promise<void> {
    await this.#consumers.ensureCallbacks(callback.queue);
    await this.#publish(this.#names.callback(callback.queue), messageId, (headers) =>
      encodeCallback(callback, headers),
    );
  }

  async #publish(subject: string, msgID: string, encode: (headers: MsgHdrs) => Encoded): Promise<number> {
    const { js, newHeaders } = await this.#sessions.get();
    const { headers, payload } = encode(newHeaders());
    const { seq } = await js.publish(subject, payload, { headers, msgID });
    return seq;
  }
}
