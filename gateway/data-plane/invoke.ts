import { relay } from '../../http1/relay.ts';
import type { Exchange, RelayOutcome, UpstreamPool, UpstreamResponseHead } from '../../http1/types.ts';
import { FaasError } from '../errors.ts';
import { pickReplica } from './balance.ts';
import type { FunctionEntry, FunctionTable, LiveReplica } from './function-table.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** What the invocation path tells of itself. Called once or twice per call: must cost next to nothing. */
export interface InvocationRecorder {
  started(key: string): void;
  /** @param status what the client was answered; 499 when it left before */
  completed(key: string, status: number, seconds: number): void;
}

export interface InvocationRecord {
  readonly callId: string;
  readonly key: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  readonly error?: string;
}

export interface InvokerOptions {
  readonly table: FunctionTable;
  readonly waitingRoom: WaitingRoom;
  readonly pool: UpstreamPool;
  readonly recorder: InvocationRecorder;
  readonly onRecord: (record: InvocationRecord) => void;
  /** A replica refused a connection, or is another function: it takes no calls until a probe says otherwise. */
  readonly onUnreachable: (entry: FunctionEntry, replica: LiveReplica) => void;
  readonly upstreamTimeoutMs: number;
  readonly maxInflight: number;
  /** Port of every function's watchdog. */
  readonly functionPort: number;
  /** For `X-Served-By`. */
  readonly version: string;
}

/** What nginx made the usual name for "the client closed the connection": never sent, only counted and logged. */
const CLIENT_GONE = 499;
const MISDIRECTED = 421;
const MOST_ATTEMPTS = 5;

/** Ours to say, whatever the client or the function wrote. */
const OWN_REQUEST_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'x-start-time',
  'x-skep-function',
  'x-call-id',
]);
const OWN_RESPONSE_HEADERS: ReadonlySet<string> = new Set(['x-call-id', 'x-start-time', 'x-served-by']);

/** Calls functions: finds a replica, relays, tries another one while nothing was delivered, and accounts for it all. */
export class Invoker {
  readonly #options: InvokerOptions;
  #inFlight = 0;

  constructor(options: InvokerOptions) {
    this.#options = options;
  }

  /** @param name as in the path; @param rest the target the function sees */
  invoke(exchange: Exchange, name: string, rest: string): void {
    const call = new Call(exchange, rest, this.#options.version);
    const entry = this.#options.table.find(name);
    if (entry === undefined) {
      call.refuse(this.#unknown(name));
      return;
    }
    if (this.#options.maxInflight > 0 && this.#inFlight >= this.#options.maxInflight) {
      const limit = this.#options.maxInflight;
      call.refuse(new FaasError('too_many_inflight', `the gateway has ${limit} calls in flight, its limit`));
      return;
    }
    this.#inFlight++;
    this.#options.recorder.started(entry.key);
    void this.#run(call, entry).then((status) => {
      this.#inFlight--;
      const durationMs = performance.now() - call.startedAt;
      this.#options.recorder.completed(entry.key, status, durationMs / 1000);
      this.#options.onRecord({
        callId: call.id,
        key: entry.key,
        method: exchange.request.method,
        status,
        durationMs,
        ...(call.error === undefined ? {} : { error: call.error }),
      });
    });
  }

  #unknown(name: string): FaasError {
    if (!this.#options.table.isLoaded) {
      return new FaasError('provider_unavailable', 'the cluster has not been read yet: try again');
    }
    return new FaasError(
      'function_not_found',
      `error finding function ${name}: no such function is deployed`,
    );
  }

  /** @returns the status that the client was answered */
  async #run(call: Call, entry: FunctionEntry): Promise<number> {
    try {
      const tried: LiveReplica[] = [];
      for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
        // One that was tried may have answered a probe since; nobody would tell the waiting room of it again.
        const replica = pickReplica(entry.replicas, tried) ?? pickReplica(entry.replicas, []);
        if (replica === undefined) {
          if (!(await this.#becomesReady(call, entry))) return CLIENT_GONE;
          tried.length = 0;
          continue;
        }
        const outcome = await this.#relay(call, entry, replica);
        const isElsewhere = outcome.kind === 'not_delivered' || outcome.kind === 'declined';
        if (isElsewhere) this.#options.onUnreachable(entry, replica);
        // A body was on its way before the 421 came: it is not there any more to be sent again.
        const isRepeatable =
          isElsewhere && (outcome.kind === 'not_delivered' || call.exchange.request.contentLength === 0);
        if (!isRepeatable) return this.#settle(call, entry, outcome);
        tried.push(replica);
      }
      throw new FaasError('upstream_unreachable', `no replica of ${entry.key} could be reached`);
    } catch (error) {
      const failure =
        error instanceof FaasError
          ? error
          : new FaasError('internal_error', 'the gateway failed: its log has the reason', { cause: error });
      call.error = String(failure.cause ?? failure.message);
      if (call.exchange.isAnswered) return failure.status;
      call.refuse(failure);
      return failure.status;
    }
  }

  async #relay(call: Call, entry: FunctionEntry, replica: LiveReplica): Promise<RelayOutcome> {
    replica.inFlight++;
    try {
      const { pool, functionPort, upstreamTimeoutMs } = this.#options;
      return await relay(call.exchange, {
        pool,
        address: { hostname: replica.address, port: functionPort },
        target: call.rest,
        dropRequestHeaders: OWN_REQUEST_HEADERS,
        addRequestHeaders: call.requestHeaders(entry, `${replica.address}:${functionPort}`),
        dropResponseHeaders: OWN_RESPONSE_HEADERS,
        addResponseHeaders: call.responseHeaders,
        acceptResponse: acceptsResponse,
        timeoutMs: upstreamTimeoutMs,
      });
    } finally {
      replica.inFlight--;
    }
  }

  /** Waits for a ready replica. False when the client left first. @throws {FaasError} when there will be none */
  #becomesReady(call: Call, entry: FunctionEntry): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isGone = false;
      let leave = (): void => {};
      call.exchange.onClientGone(() => {
        isGone = true;
        leave();
        resolve(false);
      });
      if (isGone) return;
      leave = this.#options.waitingRoom.enter(entry, (failure) => {
        if (failure === undefined) resolve(true);
        else reject(failure);
      });
    });
  }

  #settle(call: Call, entry: FunctionEntry, outcome: RelayOutcome): number {
    switch (outcome.kind) {
      case 'completed':
        return outcome.status;
      case 'upgraded':
        return 101;
      case 'client_gone':
        return CLIENT_GONE;
      case 'timed_out': {
        const limit = `upstream_timeout (${this.#options.upstreamTimeoutMs / 1000} s)`;
        const failure = new FaasError(
          'upstream_timeout',
          `${entry.key} did not answer within the gateway's ${limit}`,
        );
        return this.#fail(call, failure, outcome.answered);
      }
      case 'failed': {
        const message = `${entry.key} broke off: ${outcome.cause.message}`;
        return this.#fail(call, new FaasError('upstream_broken', message), outcome.answered);
      }
      case 'declined':
      case 'not_delivered':
        return this.#fail(
          call,
          new FaasError(
            'upstream_unreachable',
            `the replica of ${entry.key} that was called is gone, and nothing was run: send the call again`,
          ),
          false,
        );
    }
  }

  #fail(call: Call, failure: FaasError, isAnswered: boolean): number {
    call.error = failure.message;
    if (!isAnswered) call.refuse(failure);
    return failure.status;
  }
}

/**
 * Whether the function itself answered. A 421 of a watchdog says that it is another function (the cluster gave the
 * address away) and ran nothing; a 421 of a function's own is an answer like any other.
 */
function acceptsResponse({ status, headers }: UpstreamResponseHead): boolean {
  if (status !== MISDIRECTED) return true;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'x-openfaas-internal' && headers[i + 1] === 'watchdog') return false;
  }
  return true;
}

/** One invocation's own facts, and the answers the gateway itself gives. */
class Call {
  readonly exchange: Exchange;
  readonly rest: string;
  readonly id: string;
  readonly startedAt = performance.now();
  readonly responseHeaders: string[];
  /** What went wrong, for the log. */
  error: string | undefined;
  readonly #startTime: string;

  constructor(exchange: Exchange, rest: string, version: string) {
    this.exchange = exchange;
    this.rest = rest;
    this.id = exchange.header('x-call-id') || crypto.randomUUID();
    // Nanoseconds since 1970, as OpenFaaS writes them; the clock has microseconds.
    this.#startTime = `${Math.round((performance.timeOrigin + this.startedAt) * 1000)}000`;
    this.responseHeaders = [
      'X-Call-Id',
      this.id,
      'X-Start-Time',
      this.#startTime,
      'X-Served-By',
      `skep/${version}`,
    ];
  }

  requestHeaders(entry: FunctionEntry, host: string): string[] {
    const headers = [
      'Host',
      host,
      'X-Call-Id',
      this.id,
      'X-Start-Time',
      this.#startTime,
      'X-Skep-Function',
      entry.key,
    ];
    const { exchange } = this;
    if (exchange.header('x-forwarded-host') === undefined) {
      headers.push('X-Forwarded-Host', exchange.header('host') ?? '');
    }
    if (exchange.header('x-forwarded-for') === undefined)
      headers.push('X-Forwarded-For', exchange.remoteAddress);
    return headers;
  }

  refuse(failure: FaasError): void {
    const headers = [
      'Content-Type',
      'text/plain; charset=utf-8',
      'X-OpenFaaS-Internal',
      'gateway',
      'X-Skep-Error',
      failure.code,
      ...this.responseHeaders,
    ];
    if (failure.status === 503 || failure.status === 429) headers.push('Retry-After', '1');
    this.exchange.respond({ status: failure.status, headers }, `${failure.message}\n`);
  }
}
