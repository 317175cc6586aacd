import { eventTime } from '../../../http1/event.ts';
import type { Exchange } from '../../../http1/types.ts';
import { FaasError, type FaasErrorCode } from '../../errors.ts';
import type { CallBody } from '../../queue/call.ts';
import type { CallIntake, NewCall } from '../../queue/call-queue.ts';
import { CallMarks } from '../call-marks.ts';
import type { FunctionEntry, FunctionLookup } from '../function-table.ts';
import type { InvocationRecord } from '../invocation-record.ts';
import { refuse } from '../refusal.ts';
import { unknownFunction } from '../unknown-function.ts';
import { BodyReader, type ReceivedBody } from './body-reader.ts';
import { checkFacts, toCallHeaders } from './call-headers.ts';
import { CallSteps } from './call-steps.ts';
import { parseWishes } from './call-wishes.ts';
import { LongBodies } from './long-bodies.ts';

/** What accepting tells of itself. */
export interface AcceptRecorder {
  /** @param key `name.namespace` */
  accepted(key: string): void;
  /** A call of a function that is deployed was not accepted. @param key `name.namespace` */
  refused(key: string, code: FaasErrorCode): void;
}

export interface AsyncOptions {
  readonly recorder: AcceptRecorder;
  /** Longest body of a call, before 413. */
  readonly bodyLimitBytes: number;
  /** Of bodies that wait for the queue to have them, before 503. */
  readonly storingLimitBytes: number;
  /** How late a call may be run at the client's wish. */
  readonly maxDelayMs: number;
  /** How long a client may send a long body slowly while others wait. Default 10 s. */
  readonly patienceMs?: number | undefined;
  /** Whether a host that a callback's URL names is an internal one. */
  readonly isRefusedHost: (host: string) => boolean;
}

export interface AcceptorOptions extends AsyncOptions {
  readonly table: FunctionLookup;
  readonly onRecord: (record: InvocationRecord) => void;
  /** Whether a call that was answered so is recorded. Default: all are. */
  readonly wantsRecord?: ((status: number) => boolean) | undefined;
  /** For `X-Served-By`. */
  readonly servedBy: string;
}

/** A call that is being accepted. */
interface Arrival {
  readonly exchange: Exchange;
  /** `name.namespace`; of a function that is not deployed, as it was called. */
  key: string;
  /** Path and query that the function will see. */
  readonly rest: string;
  readonly startedAt: number;
  readonly marks: CallMarks;
  readonly body: BodyReader;
}

interface Accepted {
  readonly id: string;
  /** An idempotency key stands for a call that was accepted before. */
  readonly isReplayed: boolean;
}

const ACCEPTED = 202;
/** Never sent, only logged: the client was gone before its call was whole. */
const CLIENT_GONE = 499;
const LONGEST_TOLD = 300;

/** Takes calls that are run later: 202 when the queue has one, and not before. */
export class Acceptor {
  /** Undefined until there is a queue that can be asked. */
  intake: CallIntake | undefined;
  readonly #options: AcceptorOptions;
  readonly #steps: CallSteps;
  readonly #longBodies: LongBodies;
  /** Of bodies that the queue does not have yet. */
  #storingBytes = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#steps = new CallSteps(options.table);
    this.#longBodies = new LongBodies(options.patienceMs);
  }

  /** @param name as in the path; @param rest path and query that the function will see. Never rejects. */
  async accept(exchange: Exchange, name: string, rest: string): Promise<void> {
    const startedAt = eventTime();
    const marks = new CallMarks(exchange.header('x-call-id'), startedAt);
    const arrival = { exchange, key: name, rest, startedAt, marks, body: new BodyReader(exchange) };
    try {
      this.#answer(arrival, await this.#take(arrival, name));
    } catch (error) {
      this.#refuse(arrival, error);
    }
  }

  async #take(arrival: Arrival, name: string): Promise<Accepted> {
    const { table } = this.#options;
    const entry = table.find(name);
    if (entry === undefined) throw unknownFunction(table, name);
    arrival.key = entry.key;
    const { intake } = this;
    if (intake === undefined) {
      throw new FaasError('queue_unavailable', 'the gateway has only just begun: try again', {
        retryAfterSeconds: 1,
      });
    }
    return this.#store(arrival, { entry, calledAs: name }, intake);
  }

  async #store(
    arrival: Arrival,
    { entry, calledAs }: { readonly entry: FunctionEntry; readonly calledAs: string },
    intake: CallIntake,
  ): Promise<Accepted> {
    const { exchange, marks, rest } = arrival;
    const { bodyLimitBytes, maxDelayMs, isRefusedHost } = this.#options;
    const acceptedAt = Date.now();
    const { id, key, followers, callbackUrl, runAt } = parseWishes(exchange, {
      now: acceptedAt,
      maxDelayMs,
      isRefusedHost,
    });
    const steps = this.#steps.of(entry, followers);
    const headers = toCallHeaders(exchange, marks.startTime);
    checkFacts(headers, [rest, callbackUrl ?? '']);
    if (exchange.request.contentLength > bodyLimitBytes) throw tooLong(bodyLimitBytes);
    const received = await arrival.body.read();
    const body = await this.#storeBody(received, arrival.body, intake);
    const call: NewCall = { acceptedAt, steps, calledAs, path: rest, headers, callbackUrl, runAt, body };
    const bytes = body instanceof Uint8Array ? body.length : 0;
    this.#storingBytes += bytes;
    try {
      const accepted = await send(intake, call, { id, key });
      if (accepted.isReplayed) dropBody(intake, body);
      return accepted;
    } catch (error) {
      // Where nobody knows whether the call was stored it may yet want its body: one that no call has is removed later.
      if (!(error instanceof FaasError && error.code === 'queue_unavailable')) dropBody(intake, body);
      throw error;
    } finally {
      this.#storingBytes -= bytes;
    }
  }

  async #storeBody(received: ReceivedBody, reader: BodyReader, intake: CallIntake): Promise<CallBody> {
    const { bodyLimitBytes, storingLimitBytes } = this.#options;
    if (!(received instanceof Uint8Array)) {
      return this.#longBodies.store(reader, () => intake.storeBody(received, bodyLimitBytes));
    }
    if (received.length > bodyLimitBytes) throw tooLong(bodyLimitBytes);
    if (this.#storingBytes + received.length > storingLimitBytes) {
      throw new FaasError('queue_unavailable', 'the queue is slower than calls come: try again', {
        retryAfterSeconds: 1,
      });
    }
    return received;
  }

  #answer(arrival: Arrival, { id, isReplayed }: Accepted): void {
    const headers = this.#ownHeaders(id, arrival.marks.startTime);
    if (isReplayed) headers.push('Idempotent-Replayed', 'true');
    else this.#options.recorder.accepted(arrival.key);
    arrival.exchange.respond({ status: ACCEPTED, headers });
    this.#record(arrival, { callId: id, status: ACCEPTED });
  }

  #refuse(arrival: Arrival, error: unknown): void {
    const { exchange, key, marks, body } = arrival;
    if (body.isGone) {
      this.#record(arrival, { callId: marks.id, status: CLIENT_GONE });
      return;
    }
    // A body that was given up fails whoever stores it, in whatever words.
    const cause = body.failure ?? error;
    const failure =
      cause instanceof FaasError
        ? cause
        : new FaasError('internal_error', 'the gateway failed: its log has the reason', { cause });
    if (this.#options.table.find(key) !== undefined) this.#options.recorder.refused(key, failure.code);
    refuse(exchange, failure, this.#ownHeaders(marks.id, marks.startTime));
    const told =
      failure.cause instanceof Error ? `${failure.message} (${failure.cause.message})` : failure.message;
    this.#record(arrival, { callId: marks.id, status: failure.status, error: told.slice(0, LONGEST_TOLD) });
  }

  #ownHeaders(id: string, startTime: string): string[] {
    return ['X-Call-Id', id, 'X-Start-Time', startTime, 'X-Served-By', this.#options.servedBy];
  }

  #record(
    { exchange, key, rest, startedAt }: Arrival,
    how: { readonly callId: string; readonly status: number; readonly error?: string },
  ): void {
    const { onRecord, wantsRecord } = this.#options;
    if (wantsRecord?.(how.status) === false) return;
    const query = rest.indexOf('?');
    onRecord({
      ...how,
      callId: how.callId.slice(0, LONGEST_TOLD),
      key: key.slice(0, LONGEST_TOLD),
      method: exchange.request.method,
      path: rest.slice(0, query === -1 ? LONGEST_TOLD : Math.min(query, LONGEST_TOLD)),
      durationMs: eventTime() - startedAt,
      isAsync: true,
    });
  }
}

async function send(
  intake: CallIntake,
  call: NewCall,
  { id, key }: { readonly id: string | undefined; readonly key: string | undefined },
): Promise<Accepted> {
  if (key !== undefined) {
    const { id: keyed, isFirst } = await intake.acceptKeyed(key, call);
    return { id: keyed, isReplayed: !isFirst };
  }
  if (id === undefined) return { id: await intake.accept(call), isReplayed: false };
  await intake.acceptAs(id, call);
  return { id, isReplayed: false };
}

function dropBody(intake: CallIntake, body: CallBody): void {
  if (!(body instanceof Uint8Array)) void intake.dropBody(body);
}

function tooLong(mostBytes: number): FaasError {
  return new FaasError('body_too_large', `the body of an asynchronous call may have ${mostBytes} bytes`);
}
