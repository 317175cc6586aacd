import type { NatsLink } from '../nats-link.ts';
import { ACKNOWLEDGED, type Delivered, REFUSED, WORKING } from './pull.ts';

interface Held {
  /** Of what the message is about. */
  readonly instance: string;
  /** Where what is said of it goes; undefined: nowhere any more. */
  reply: string | undefined;
}

/** What becomes of a message. Each is said once; what is said after that is said to nobody. */
export interface HeldMessage {
  /** It is done with. */
  ack(): void;
  /** Somebody is to be given it again, after so long. */
  refuse(delayMs: number): void;
  /** Nothing is said of it: it comes again when it was silent for too long. */
  abandon(): void;
}

const MOST_UNSAID = 10_000;
const NANOS_PER_MS = 1_000_000;

/** The messages that a worker has. What is said of them goes over whatever connection there is at that time. */
export class HeldMessages {
  readonly #link: Pick<NatsLink, 'connection'>;
  /** By their sequence. */
  readonly #held = new Map<number, Held>();
  /** Acknowledgements for which there was no connection. */
  #unsaid: string[] = [];

  constructor(link: Pick<NatsLink, 'connection'>) {
    this.#link = link;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @param instance of what it is about. @returns undefined: it is here already */
  take({ seq, reply }: Pick<Delivered, 'seq' | 'reply'>, instance: string): HeldMessage | undefined {
    const known = this.#held.get(seq);
    if (known?.instance === instance) {
      // The server gave it up for lost, but it is here: what is said of it goes to where it asks now.
      known.reply = reply;
      this.#say(reply, WORKING);
      return undefined;
    }
    // A NATS that has lost everything counts from 1 again: what is said of the one that had this place is not meant for this one.
    if (known !== undefined) known.reply = undefined;
    const held: Held = { instance, reply };
    this.#held.set(seq, held);
    const finish = (word?: string): void => {
      if (this.#held.get(seq) === held) this.#held.delete(seq);
      if (word !== undefined) this.#say(held.reply, word);
      held.reply = undefined;
    };
    return {
      ack: () => finish(ACKNOWLEDGED),
      refuse: (delayMs) => finish(refusal(delayMs)),
      abandon: () => finish(),
    };
  }

  /** One that nobody here can read. */
  refuse({ reply }: Pick<Delivered, 'reply'>, delayMs: number): void {
    this.#say(reply, refusal(delayMs));
  }

  /** They are here, and are not to be given to another worker. */
  tellWorking(): void {
    for (const { reply } of this.#held.values()) this.#say(reply, WORKING);
  }

  /** There is a connection again. */
  connected(): void {
    // What it has must not be given to another one only because NATS was away.
    this.tellWorking();
    for (const reply of this.#unsaid.splice(0)) this.#say(reply, ACKNOWLEDGED);
  }

  #say(reply: string | undefined, word: string): void {
    if (reply === undefined) return;
    const { connection } = this.#link;
    if (connection !== undefined && !connection.isClosed()) connection.publish(reply, word);
    // One that is never said is found by whoever is given the message again.
    else if (word === ACKNOWLEDGED && this.#unsaid.length < MOST_UNSAID) this.#unsaid.push(reply);
  }
}

function refusal(delayMs: number): string {
  return delayMs > 0 ? `${REFUSED} {"delay": ${Math.round(delayMs * NANOS_PER_MS)}}` : REFUSED;
}
