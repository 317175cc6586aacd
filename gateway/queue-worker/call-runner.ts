import type { Logger } from '../log.ts';
import type { Load } from '../queue/adaptive-limit.ts';
import {
  type Attempt,
  type CallRecord,
  currentStep,
  type ObjectBody,
  type QueuedCall,
} from '../queue/call.ts';
import { followUpOf, settledRecord, unclaimedRecord } from '../queue/call-progress.ts';
import { pause } from '../queue/pause.ts';
import { type Outcome, type Settlement, type SettleRules, settle } from '../queue/settle.ts';
import type { Delivery, StoredRecord, WorkerQueue } from '../queue/worker-queue.ts';
import type { KeptAnswer } from './answer-keeper.ts';
import { type Claim, claimCall } from './claim-call.ts';
import type { Invoked } from './invoke.ts';
import type { AttemptOutcome } from './metrics.ts';
import { Persistence } from './persistence.ts';

export interface CallRunnerOptions {
  readonly queue: Pick<WorkerQueue, 'records' | 'followUps' | 'failureOf'>;
  readonly invoke: (call: QueuedCall, signal: AbortSignal) => Promise<Invoked>;
  /** Of an input. What stays is removed by who looks for bodies that no call has. */
  readonly dropBody: (body: ObjectBody) => Promise<void>;
  /** For functions that have none of their own. */
  readonly rules: SettleRules;
  readonly logger: Logger;
  readonly onAttempt: (name: string, outcome: AttemptOutcome) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2000;
const NOTHING = new Uint8Array(0);
const TOO_MANY_REQUESTS = 429;
const MOST_DOUBTED = 10_000;

/**
 * Runs calls so that each ends once, whatever dies when. The record of a call decides: it says that an attempt runs before the function
 * is called, and how it went before anything follows from that; what follows is stored before the message goes. Whoever is given the
 * message again finds by the record how far it had come.
 */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #now: () => number;
  /** By instance. */
  readonly #running = new Map<string, AbortController>();
  /** Revisions of records that say that a call runs, though its message has come here: by the message. */
  readonly #doubted = new Map<number, number>();
  readonly #stopping = new AbortController();
  readonly #persistence: Persistence;

  constructor(options: CallRunnerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#persistence = new Persistence(options.queue);
  }

  /** Runs one, and is done with its message, one way or the other. Never throws. @returns what it tells of the function's capacity */
  async run(delivery: Delivery): Promise<Load> {
    const { call, seq: sequence } = delivery;
    try {
      return await this.#run(delivery);
    } catch (error) {
      this.#options.logger.warn('a call is left to be given to a worker again', {
        callId: call.id,
        sequence,
        reason: (error as Error).message,
      });
      delivery.abandon();
      return 'neither';
    }
  }

  /** Somebody has written that it is cancelled. */
  cancel(instance: string): void {
    this.#running.get(instance)?.abort();
  }

  /** What waits for the gateway is left to others; what runs goes on. */
  stopWaiting(): void {
    this.#stopping.abort();
  }

  /** Cuts off what runs: it is tried again. */
  cutOff(): void {
    this.#stopping.abort();
    for (const running of this.#running.values()) running.abort();
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#persistence.end();
  }

  async #run(delivery: Delivery): Promise<Load> {
    const { call } = delivery;
    const claim = await claimCall(delivery, this.#persistence, this.#now());
    switch (claim.kind) {
      case 'copy':
        this.#drop(delivery, 'it is a copy');
        return 'neither';
      case 'ended':
        // Somebody may send a dead call again.
        if (claim.record.state !== 'dead') await this.#dropInput(call);
        this.#drop(delivery, `the call is ${claim.record.state}`);
        return 'neither';
      case 'settled': {
        const { record, revision, body } = claim.stored;
        await this.#follow(delivery, record, { revision, body });
        return 'neither';
      }
      case 'lost': {
        if (this.#isInDoubt(delivery, claim.revision)) {
          delivery.doubt();
          return 'neither';
        }
        const outcome: Outcome = { kind: 'lost', reason: 'the worker that ran it was lost' };
        const startedAt = claim.record.startedAt ?? this.#now();
        await this.#commit(delivery, claim, { outcome, startedAt, answer: undefined });
        return 'neither';
      }
      case 'run':
        return this.#attempt(delivery, claim);
    }
  }

  /**
   * Whether a call that seems to be lost may be with a worker that lives: NATS gives it to another one also when NATS itself was away for
   * long, or has lost that it gave it. A worker that lives says so soon, and the message does not come again.
   */
  #isInDoubt({ seq }: Delivery, revision: number | undefined): boolean {
    if (revision === undefined) return false;
    const isSeenBefore = this.#doubted.get(seq) === revision;
    this.#doubted.delete(seq);
    if (isSeenBefore) return false;
    this.#doubted.set(seq, revision);
    const [oldest] = this.#doubted.keys();
    if (this.#doubted.size > MOST_DOUBTED && oldest !== undefined) this.#doubted.delete(oldest);
    return true;
  }

  #drop(delivery: Delivery, why: string): void {
    this.#options.logger.info('a message of a call is dropped', { callId: delivery.call.id, why });
    delivery.ack();
  }

  // --- the attempt ---------------------------------------------------------------------------------------------

  async #attempt(delivery: Delivery, claim: Extract<Claim, { kind: 'run' }>): Promise<Load> {
    const { call } = delivery;
    const running = new AbortController();
    this.#running.set(call.instance, running);
    try {
      const startedAt = this.#now();
      const startedMs = performance.now();
      const invoked = await this.#invoke(call, running.signal);
      if (invoked === undefined) return await this.#giveBack(delivery, claim);
      const { outcome, answer } = invoked;
      const seconds = (performance.now() - startedMs) / 1000;
      await this.#commit(delivery, claim, { outcome, startedAt, seconds, answer });
      return loadOf(outcome);
    } finally {
      if (this.#running.get(call.instance) === running) this.#running.delete(call.instance);
    }
  }

  /** A gateway that is not there costs no attempt. @returns undefined: it is not there, and this worker stops */
  async #invoke(
    call: QueuedCall,
    signal: AbortSignal,
  ): Promise<Extract<Invoked, { kind: 'over' }> | undefined> {
    let waitMs = FIRST_WAIT_MS;
    for (let tries = 0; ; tries++) {
      const invoked = await this.#options.invoke(call, signal);
      if (invoked.kind === 'over') return invoked;
      if (tries === 0) {
        this.#options.logger.warn('the gateway cannot be reached: it is tried on and on', {
          callId: call.id,
          reason: invoked.reason,
        });
      }
      if (signal.aborted) return { kind: 'over', outcome: { kind: 'lost', reason: 'it was ended' } };
      if (this.#stopping.signal.aborted) return undefined;
      await pause(waitMs, AbortSignal.any([signal, this.#stopping.signal]));
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }

  /** Nothing was sent to anybody: the attempt is still to be made. */
  async #giveBack(delivery: Delivery, { record, revision }: Extract<Claim, { kind: 'run' }>): Promise<Load> {
    if (revision !== undefined) await this.#persistence.write(unclaimedRecord(record), revision);
    delivery.refuse(0);
    return 'neither';
  }

  // --- after the attempt ---------------------------------------------------------------------------------------

  async #commit(
    delivery: Delivery,
    { record: running, revision }: { readonly record: CallRecord; readonly revision: number | undefined },
    over: {
      readonly outcome: Outcome;
      readonly startedAt: number;
      readonly seconds?: number;
      readonly answer: KeptAnswer | undefined;
    },
  ): Promise<void> {
    const { call, seq } = delivery;
    const { outcome, answer } = over;
    const nowMs = this.#now();
    const { function: name } = currentStep(call);
    const settlement = settle(outcome, call.attempt, this.#rulesOf(call), { random: Math.random(), nowMs });
    const attempt: Attempt = {
      step: call.step,
      attempt: call.attempt,
      startedAt: over.startedAt,
      seconds: toMicros(over.seconds ?? Math.max(0, (nowMs - over.startedAt) / 1000)),
      ...(outcome.kind === 'answered' ? { status: outcome.status } : { error: outcome.reason }),
    };
    const ended = { attempt, settlement, result: answer?.result, nowMs };
    let settled = settledRecord(running, ended);
    if (settlement.kind === 'dead') {
      // Nothing but the record's own change tells for sure, but a letter of a call that was cancelled need not be.
      const found = revision === undefined ? undefined : await this.#persistence.read(call.id);
      if (found?.record.instance === call.instance && found.revision !== revision) {
        await this.#lostRace(delivery, attempt, found);
        return;
      }
      const letter = {
        call,
        record: settled,
        diedAt: nowMs,
        reason: settlement.reason,
        response: answer?.beginning ?? NOTHING,
      };
      const deadLetter = await this.#persistence.try(() =>
        this.#options.queue.followUps.dead(letter, `${call.instance}.${seq}.dead`),
      );
      settled = settledRecord(running, { ...ended, deadLetter });
    }
    const written = revision === undefined ? 0 : await this.#settle(settled, revision, answer?.body);
    if (typeof written !== 'number') {
      await this.#lostRace(delivery, attempt, written);
      return;
    }
    this.#tell(call, attempt, { settlement, became: becameOf(outcome, settlement, call) });
    this.#options.onAttempt(name, becameOf(outcome, settlement, call));
    await this.#follow(delivery, settled, { revision: written, body: answer?.body ?? NOTHING });
  }

  /** @returns the record that is there instead */
  async #settle(
    settled: CallRecord,
    revision: number,
    body: Uint8Array | undefined,
  ): Promise<number | StoredRecord | undefined> {
    const written = await this.#persistence.write(settled, revision, body);
    if (written !== 'conflict') return written;
    let found = await this.#persistence.read(settled.id);
    if (found === undefined) {
      // It was forgotten while the call ran: there is only so much room.
      const anew = await this.#persistence.write(settled, 0, body);
      if (anew !== 'conflict') return anew;
      found = await this.#persistence.read(settled.id);
    }
    // Another call has taken the id meanwhile, and is told of; this one goes on without.
    return found !== undefined && found.record.instance !== settled.instance ? 0 : found;
  }

  /** What an attempt came to is not wanted any more: it was cancelled, or given to another worker. */
  async #lostRace(delivery: Delivery, attempt: Attempt, found: StoredRecord | undefined): Promise<void> {
    const { call } = delivery;
    const isCancelled = found?.record.instance === call.instance && found.record.state === 'cancelled';
    this.#tell(call, attempt, { became: isCancelled ? 'cancelled' : 'lost' });
    this.#options.onAttempt(currentStep(call).function, isCancelled ? 'cancelled' : 'lost');
    if (!isCancelled) {
      delivery.abandon();
      return;
    }
    await this.#dropInput(call);
    delivery.ack();
  }

  /** Stores what follows from a record, and lets the message go. */
  async #follow(
    delivery: Delivery,
    settled: CallRecord,
    { revision, body }: { readonly revision: number; readonly body: Uint8Array },
  ): Promise<void> {
    const { call, seq } = delivery;
    const { followUps } = this.#options.queue;
    const mostRetries = this.#rulesOf(call).retries;
    const followUp = followUpOf(call, settled, { revision, resultBody: body, mostRetries });
    const messageId = `${call.instance}.${seq}.${followUp.kind}`;
    if (followUp.kind === 'later')
      await this.#persistence.try(() => followUps.later(followUp.call, messageId));
    if (followUp.kind === 'next') await this.#persistence.try(() => followUps.now(followUp.call, messageId));
    if (followUp.kind === 'callback')
      await this.#persistence.try(() => followUps.callback(followUp.callback, messageId));
    // A call that is tried again needs its input, and so does one that somebody may send again.
    if (followUp.kind !== 'later' && settled.state !== 'dead') await this.#dropInput(call);
    delivery.ack();
  }

  #rulesOf(call: QueuedCall): SettleRules {
    return { ...this.#options.rules, ...currentStep(call).retry };
  }

  async #dropInput({ body }: QueuedCall): Promise<void> {
    if (!(body instanceof Uint8Array)) await this.#options.dropBody(body);
  }

  #tell(
    call: QueuedCall,
    { step, attempt, status, error, seconds }: Attempt,
    { settlement, became }: { readonly settlement?: Settlement; readonly became: AttemptOutcome },
  ): void {
    this.#options.logger.info('attempt', {
      function: currentStep(call).function,
      callId: call.id,
      ...(step > 0 && { step }),
      attempt,
      status,
      error,
      seconds,
      became,
      ...(settlement?.kind === 'retry' && { retryInMs: settlement.delayMs }),
    });
  }
}

function loadOf(outcome: Outcome): Load {
  if (outcome.kind === 'lost') return 'neither';
  if (outcome.status === TOO_MANY_REQUESTS) return 'too_many';
  return outcome.status < 400 ? 'taken' : 'neither';
}

function becameOf(outcome: Outcome, settlement: Settlement, { step, steps }: QueuedCall): AttemptOutcome {
  if (settlement.kind === 'dead' || settlement.kind === 'failed') return settlement.kind;
  if (settlement.kind === 'retry') return outcome.kind === 'lost' ? 'lost' : 'retried';
  return step + 1 < steps.length ? 'chained' : 'succeeded';
}

function toMicros(seconds: number): number {
  return Number(seconds.toFixed(6));
}
