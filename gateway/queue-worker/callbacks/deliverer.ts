import type { Logger } from '../../log.ts';
import { MOST_ATTEMPTS_TOLD, type ObjectBody } from '../../queue/call.ts';
import type { CallbackAttempt, CallbackRecord, QueuedCallback } from '../../queue/callback.ts';
import { HostLanes } from '../../queue/host-lanes.ts';
import { pause, waitAtMost } from '../../queue/pause.ts';
import { type CallbackRules, type PostOutcome, settleCallback } from '../../queue/settle-callback.ts';
import type { BodyStore, CallbackDelivery, CallbackKeeper } from '../../queue/worker-queue.ts';
import { asCallHeaders, CallbackSigner, callbackHeaders } from './callback-headers.ts';
import type { Post } from './post.ts';

export type CallbackOutcome = 'delivered' | 'retried' | 'failed' | 'put_off';

export interface DelivererOptions {
  readonly store: CallbackKeeper;
  /** Results too long for a message. */
  readonly results: Pick<BodyStore, 'open'>;
  readonly post: (wanted: Post, signal: AbortSignal) => Promise<PostOutcome>;
  readonly signer: CallbackSigner | undefined;
  readonly rules: CallbackRules;
  /** That are posted at a time, over all hosts. */
  readonly mostInflight: number;
  readonly mostPerHost: number;
  readonly logger: Logger;
  readonly onOutcome: (outcome: CallbackOutcome) => void;
  /** There is room for others. */
  readonly onRoom: () => void;
}

/** Held for each that is posted, so that there is always one of another host. */
const HELD_PER_PLACE = 2;
const LOOK_MS = 250;
const AGAIN_MS = 1000;
const FIRST_ATTEMPT = 1;

/** Posts callbacks, so that hosts that are slow or hang hold back no others. */
export class CallbackDeliverer {
  readonly #options: DelivererOptions;
  readonly #lanes: HostLanes<CallbackDelivery>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #isDraining = false;
  #looking: Promise<void> | undefined;

  constructor(options: DelivererOptions) {
    this.#options = options;
    const { mostInflight: most, mostPerHost } = options;
    this.#lanes = new HostLanes({ most, mostPerHost, now: () => performance.now() });
  }

  /** How many more may be added. */
  get room(): number {
    return this.#isDraining ? 0 : this.#options.mostInflight * HELD_PER_PLACE - this.#lanes.held;
  }

  get inflight(): number {
    return this.#lanes.running;
  }

  start(): void {
    this.#looking ??= this.#keepLooking();
  }

  add(delivery: CallbackDelivery): void {
    if (this.#isDraining) {
      delivery.refuse();
      return;
    }
    this.#lanes.add(hostOf(delivery.callback.url), delivery);
    this.#runAll();
    if (this.room <= 0) this.#makeRoom();
  }

  /** Leaves what waits to others, and waits for what is posted. @returns how many were cut off after `withinMs` */
  async stop(withinMs: number): Promise<number> {
    this.#isDraining = true;
    for (const delivery of this.#lanes.takeWaiting()) delivery.refuse();
    await waitAtMost(Promise.all(this.#running), withinMs);
    const cutOff = this.#running.size;
    this.#stopping.abort();
    await Promise.all(this.#running);
    await this.#looking;
    return cutOff;
  }

  #runAll(): void {
    if (this.#isDraining) return;
    for (let next = this.#lanes.next(); next !== undefined; next = this.#lanes.next()) {
      const { item, done } = next;
      const started = performance.now();
      const running = this.#deliver(item)
        .catch((error: unknown) => {
          // Given to somebody again.
          item.abandon();
          this.#options.logger.error('a callback cannot be dealt with', { reason: (error as Error).message });
          return false;
        })
        .then((isAnswered) => {
          done({ seconds: (performance.now() - started) / 1000, isAnswered });
          this.#running.delete(running);
          this.#runAll();
          this.#options.onRoom();
        });
      this.#running.add(running);
    }
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await pause(LOOK_MS, signal);
      if (this.#isDraining) continue;
      this.#makeRoom();
      this.#runAll();
      this.#options.onRoom();
    }
  }

  #makeRoom(): void {
    const impatient = this.#lanes.takeImpatient();
    if (impatient.length === 0) return;
    void Promise.all(impatient.map(({ item, delayMs }) => this.#putOff(item, delayMs))).then(() => {
      if (!this.#isDraining) this.#options.onRoom();
    });
  }

  /** No attempt: it was not posted. */
  async #putOff({ callback, seq, ack, refuse }: CallbackDelivery, delayMs: number): Promise<void> {
    const { store, onOutcome } = this.#options;
    try {
      await store.sendLater({ ...callback, runAt: Date.now() + Math.round(delayMs) }, seq);
      ack();
      onOutcome('put_off');
    } catch {
      await pause(AGAIN_MS, this.#stopping.signal);
      refuse();
    }
  }

  /** @returns whether somebody answered */
  async #deliver(delivery: CallbackDelivery): Promise<boolean> {
    const { rules, onOutcome } = this.#options;
    const { callback, seq } = delivery;
    const startedAt = Date.now();
    const started = performance.now();
    const outcome = await this.#post(callback);
    if (this.#stopping.signal.aborted && outcome.kind === 'lost') {
      delivery.refuse();
      return true;
    }
    const seconds = Math.round(performance.now() - started) / 1000;
    const attempt: CallbackAttempt = { startedAt, seconds, ...toldOf(outcome) };
    const settled = settleCallback(outcome, callback.attempt, rules, {
      now: Date.now(),
      random: Math.random(),
    });
    const runAt = settled.kind === 'retry' ? Date.now() + settled.delayMs : undefined;
    this.#log(callback, attempt, settled.kind);
    const isKept = await this.#surely(async () => {
      await this.#tell(callback, attempt, settled.kind, runAt);
      if (runAt !== undefined) {
        await this.#options.store.sendLater({ ...callback, attempt: callback.attempt + 1, runAt }, seq);
      }
    });
    if (!isKept) {
      delivery.abandon();
      return outcome.kind === 'answered';
    }
    delivery.ack();
    onOutcome(settled.kind === 'retry' ? 'retried' : settled.kind);
    return outcome.kind === 'answered';
  }

  async #post(callback: QueuedCallback): Promise<PostOutcome> {
    const { signer, results, post } = this.#options;
    const { body } = callback;
    try {
      const isGone = !(body instanceof Uint8Array) && (await results.open(body)) === undefined;
      const isBodyLost = isGone || callback.droppedBytes !== undefined;
      const openBody = (): AsyncIterable<Uint8Array> | Iterable<Uint8Array> => {
        if (isBodyLost) return [];
        return body instanceof Uint8Array ? [body] : this.#piecesOf(body);
      };
      const bodyBytes = isBodyLost ? 0 : lengthOf(body);
      const headers = callbackHeaders(callback, { bodyBytes, isBodyLost });
      if (signer !== undefined) {
        const atSeconds = Math.floor(Date.now() / 1000);
        const hmac = signer.begin(callback, atSeconds);
        for await (const piece of openBody()) hmac.update(piece);
        headers['x-skep-signature'] = CallbackSigner.finish(hmac, atSeconds);
      }
      const callHeaders = asCallHeaders(headers, callback);
      const wanted = { url: callback.url, headers, callHeaders, bodyBytes, openBody };
      return await post(wanted, this.#stopping.signal);
    } catch (error) {
      return { kind: 'lost', reason: `the result cannot be read: ${(error as Error).message}` };
    }
  }

  async *#piecesOf(body: ObjectBody): AsyncGenerator<Uint8Array> {
    const stream = await this.#options.results.open(body);
    if (stream === undefined) throw new Error('it is not kept any more');
    yield* stream;
  }

  async #tell(
    { id, instance, attempt: which }: QueuedCallback,
    attempt: CallbackAttempt,
    became: 'delivered' | 'retry' | 'failed',
    runAt: number | undefined,
  ): Promise<void> {
    const { store } = this.#options;
    const before = which === FIRST_ATTEMPT ? undefined : await store.told(id);
    const known = before?.instance === instance ? before.attempts : [];
    const record: CallbackRecord = {
      id,
      instance,
      state: became === 'retry' ? 'waiting' : became,
      attempts: [...known, attempt].slice(-MOST_ATTEMPTS_TOLD),
      ...(runAt === undefined ? { endedAt: Date.now() } : { runAt }),
    };
    await store.tell(record);
  }

  /** The store may be away for a while: posting it again for that would be worse than to wait. @returns false: this worker stops before */
  async #surely(work: () => Promise<void>): Promise<boolean> {
    const { signal } = this.#stopping;
    for (;;) {
      try {
        await work();
        return true;
      } catch {
        if (signal.aborted) return false;
        await pause(AGAIN_MS, signal);
      }
    }
  }

  #log({ id, function: name, url, attempt }: QueuedCallback, told: CallbackAttempt, became: string): void {
    const { status, error, seconds } = told;
    this.#options.logger.info('callback', {
      function: name,
      callId: id,
      // Path and query may hold what is secret.
      host: hostOf(url),
      attempt,
      status,
      error,
      durationMs: Math.round(seconds * 1000),
      became,
    });
  }
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? '';
}

function lengthOf(body: QueuedCallback['body']): number {
  return body instanceof Uint8Array ? body.length : body.bytes;
}

function toldOf(outcome: PostOutcome): Pick<CallbackAttempt, 'status' | 'error'> {
  return outcome.kind === 'answered' ? { status: outcome.status } : { error: outcome.reason };
}
