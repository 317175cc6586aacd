import { eventTime } from '../../http1/event.ts';
import type { Exchange } from '../../http1/types.ts';
import { fieldLine } from '../../http1/write-head.ts';
import { FaasError } from '../errors.ts';
import { Call, type ServedBy } from './call.ts';
import type { CallSpan, CallTracer } from './call-tracer.ts';
import type { FunctionEntry, FunctionLookup } from './function-table.ts';
import { Invocation, type InvocationOptions, type InvocationOwner } from './invocation.ts';
import { type InvocationRecord, toRecord } from './invocation-record.ts';
import { admit, NO_SLOT } from './limits/admission.ts';
import { GATEWAY_SLOT } from './limits/shared-counts.ts';
import { ReplicaWays } from './replica-way.ts';
import { timeOfDay } from './time-of-day.ts';
import { unknownFunction } from './unknown-function.ts';

/** What the invocation path tells of itself. Called once or twice per call: must cost next to nothing. */
export interface InvocationRecorder {
  started(key: string): void;
  /** @param status what the client was answered; 499 when it left before */
  completed(key: string, status: number, seconds: number): void;
}

export interface InvokerOptions extends InvocationOptions {
  readonly table: FunctionLookup;
  readonly recorder: InvocationRecorder;
  readonly onRecord: (record: InvocationRecord) => void;
  /** Whether a call that was answered so is recorded; others cost no record. Default: all are. */
  readonly wantsRecord?: ((status: number) => boolean) | undefined;
  readonly maxInflight: number;
  /** Port of every function's watchdog. */
  readonly functionPort: number;
  /** For `X-Served-By`. */
  readonly version: string;
}

/** Calls functions: admits a call, has it served, and accounts for it. */
export class Invoker implements InvocationOwner {
  readonly ways: ReplicaWays;
  /** Undefined: the headers of a trace are passed on as they come. */
  tracer: CallTracer | undefined;
  readonly #options: InvokerOptions;
  readonly #servedBy: ServedBy;

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.ways = new ReplicaWays(options.functionPort);
    const name = `skep/${options.version}`;
    this.#servedBy = { name, line: fieldLine('X-Served-By', name) };
  }

  /** @param name as in the path; @param rest the target the function sees */
  invoke(exchange: Exchange, name: string, rest: string): void {
    const { table, recorder } = this.#options;
    const call = new Call(exchange, rest, this.#servedBy);
    const entry = table.find(name);
    if (entry === undefined) {
      const failure = unknownFunction(table, name);
      call.error = failure.message;
      this.#record(call, name, failure.status, performance.now() - call.startedAt);
      call.refuse(failure);
      return;
    }
    recorder.started(entry.key);
    if (this.tracer !== undefined) call.span = this.tracer.begin(exchange);
    const refusal = this.#admit(call, entry);
    if (refusal === undefined) new Invocation(call, entry, this.#options, this).begin();
    else {
      call.error = refusal.message;
      this.ended(call, entry, refusal.status);
      call.refuse(refusal);
    }
  }

  /** Counts the call in where that is limited, or says why it may not pass. */
  #admit(call: Call, entry: FunctionEntry): FaasError | undefined {
    const { counts, maxInflight } = this.#options;
    if (maxInflight > 0) {
      if (!counts.tryEnter(GATEWAY_SLOT, maxInflight)) {
        return new FaasError(
          'too_many_inflight',
          `the gateway has ${maxInflight} calls in flight, its limit`,
        );
      }
      call.isCounted = true;
    }
    if (entry.rules === undefined) return undefined;
    const admitted = admit(entry, entry.rules, counts);
    if (typeof admitted !== 'number') return admitted;
    call.slot = admitted;
    return undefined;
  }

  /** An invocation is over: the client was answered, or has gone. */
  ended(call: Call, entry: FunctionEntry, status: number): void {
    const { recorder, counts } = this.#options;
    if (call.isCounted) counts.leave(GATEWAY_SLOT);
    if (call.slot !== NO_SLOT) counts.leave(call.slot);
    const durationMs = eventTime() - call.startedAt;
    recorder.completed(entry.key, status, durationMs / 1000);
    this.#record(call, entry.key, status, durationMs);
    if (call.span !== undefined) endSpan(call.span, call, { key: entry.key, status, durationMs });
  }

  #record(call: Call, key: string, status: number, durationMs: number): void {
    const { onRecord, wantsRecord } = this.#options;
    if (wantsRecord !== undefined && !wantsRecord(status)) return;
    onRecord(toRecord(call, key, status, durationMs));
  }
}

function endSpan(
  span: CallSpan,
  call: Call,
  { key, status, durationMs }: { key: string; status: number; durationMs: number },
): void {
  span.end({
    key,
    callId: call.id,
    method: call.exchange.request.method,
    target: call.rest,
    startedAtMs: timeOfDay(call.startedAt),
    durationMs,
    status,
    replica: call.replica?.address,
    error: call.error,
  });
}
