import { type RelayUser, startRelay } from '../../http1/relay.ts';
import type { Exchange, RelayOutcome, UpstreamPool, UpstreamResponseHead } from '../../http1/types.ts';
import { FaasError } from '../errors.ts';
import { acceptsResponse, acceptsUnlessBusy, TOO_MANY } from './accepts-response.ts';
import { pickReplica } from './balance.ts';
import type { Call } from './call.ts';
import type { CallSpan } from './call-tracer.ts';
import type { FunctionEntry, LiveReplica } from './function-table.ts';
import { enterReplica, NO_SLOT } from './limits/admission.ts';
import type { SharedCounts } from './limits/shared-counts.ts';
import { gatewayTimeLimit, type TimeLimit } from './limits/time-limit.ts';
import type { ReplicaWays } from './replica-way.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface InvocationOptions {
  readonly waitingRoom: WaitingRoom;
  readonly pool: UpstreamPool;
  /** Where the calls of limited functions are counted. */
  readonly counts: SharedCounts;
  /** A replica refused a connection, or is another function: it takes no calls until a probe says otherwise. */
  readonly onUnreachable: (entry: FunctionEntry, replica: LiveReplica) => void;
  /** A replica broke a call off: it may be gone. */
  readonly onDoubt: (entry: FunctionEntry, replica: LiveReplica) => void;
  readonly upstreamTimeoutMs: number;
}

/** Who has an invocation served. */
export interface InvocationOwner {
  readonly ways: ReplicaWays;
  /** An invocation is over: the client was answered with this status, or has gone. */
  ended(call: Call, entry: FunctionEntry, status: number): void;
}

/** What nginx made the usual name for "the client closed the connection": never sent, only counted and logged. */
const CLIENT_GONE = 499;
const MOST_ATTEMPTS = 5;

/** Ours to say, whatever the client or the function wrote. */
const OWN_REQUEST_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'x-start-time',
  'x-skep-function',
  'x-call-id',
]);
const OWN_AND_TRACE: ReadonlySet<string> = new Set([...OWN_REQUEST_HEADERS, 'traceparent']);
const OWN_AND_STATE: ReadonlySet<string> = new Set([...OWN_AND_TRACE, 'tracestate']);
const OWN_RESPONSE_HEADERS: ReadonlySet<string> = new Set(['x-call-id', 'x-start-time', 'x-served-by']);

const NOBODY: readonly LiveReplica[] = [];

/**
 * One admitted call: finds a replica, relays, tries another one while nothing was delivered. Callbacks and no promises: this
 * is every call's path.
 */
export class Invocation implements RelayUser {
  readonly #call: Call;
  readonly #entry: FunctionEntry;
  readonly #options: InvocationOptions;
  readonly #owner: InvocationOwner;
  #attempts = 0;
  #replica: LiveReplica | undefined;
  /** The replica's place in the shared counts, while this call is counted there. */
  #replicaSlot = NO_SLOT;
  /** A watchdog has refused the call as one too many: the next one's word is passed on. */
  #wasBusy = false;
  #timeLimit: TimeLimit | undefined;
  /** It has its place in a row already: where every replica is full it waits again. */
  #hasWaited = false;
  /** Replicas that could not be reached, since the last wait. */
  #tried: LiveReplica[] | undefined;

  constructor(call: Call, entry: FunctionEntry, options: InvocationOptions, owner: InvocationOwner) {
    this.#call = call;
    this.#entry = entry;
    this.#options = options;
    this.#owner = owner;
  }

  /** @param replica that has been picked already */
  begin(replica?: LiveReplica): void {
    try {
      if (replica === undefined) this.#attempt();
      else this.#relay(replica);
    } catch (cause) {
      this.#fail(internalError(cause), this.#call.exchange.isAnswered);
    }
  }

  #attempt(): void {
    const entry = this.#entry;
    if (++this.#attempts > MOST_ATTEMPTS) {
      const message = `no replica of ${entry.key} could be reached`;
      this.#fail(new FaasError('upstream_unreachable', message), false);
      return;
    }
    // One that was tried may have answered a probe since; nobody would tell the waiting room of it again.
    const replica = this.#pick(this.#tried ?? NOBODY) ?? this.#pick(NOBODY);
    if (replica === undefined) this.#waitForReplica();
    else if (replica !== 'full') this.#relay(replica);
    else if (this.#hasWaited) this.#waitForReplica();
    else {
      const message = `every replica of ${entry.key} has as many calls in flight as its max_inflight allows`;
      this.#fail(new FaasError('replicas_busy', message), false);
    }
  }

  #pick(tried: readonly LiveReplica[]): LiveReplica | 'full' | undefined {
    const { replicas, rules } = this.#entry;
    if (rules === undefined || rules.perReplica === 0) return pickReplica(replicas, tried);
    const { counts } = this.#options;
    const replica = enterReplica(replicas, { tried, limit: rules.perReplica, counts });
    if (typeof replica === 'object') this.#replicaSlot = replica.slot ?? NO_SLOT;
    return replica;
  }

  #waitForReplica(): void {
    let isOver = false;
    let leave = (): void => {};
    this.#call.exchange.onClientGone(() => {
      if (isOver) return;
      isOver = true;
      leave();
      this.#end(CLIENT_GONE);
    });
    if (isOver) return;
    this.#hasWaited = true;
    leave = this.#options.waitingRoom.enter(this.#entry, {
      offer: () => {
        const replica = this.#pick(NOBODY);
        if (typeof replica !== 'object') return false;
        isOver = true;
        this.#tried = undefined;
        this.#attempts++;
        this.begin(replica);
        return true;
      },
      fail: (failure) => {
        isOver = true;
        this.#fail(failure, false);
      },
    });
  }

  #relay(replica: LiveReplica): void {
    const { pool, upstreamTimeoutMs } = this.#options;
    const call = this.#call;
    const way = this.#owner.ways.to(this.#entry, replica);
    call.replicaLines = way.lines;
    const timeLimit = this.#entry.timeLimit;
    this.#timeLimit = timeLimit?.sparesStreams && wantsStream(call.exchange) ? undefined : timeLimit;
    this.#replica = replica;
    call.replica = replica;
    replica.inFlight++;
    startRelay(
      call.exchange,
      {
        pool,
        address: way.address,
        target: call.rest,
        dropRequestHeaders: call.span === undefined ? OWN_REQUEST_HEADERS : ownHeaders(call.span),
        ownFields: call,
        dropResponseHeaders: OWN_RESPONSE_HEADERS,
        acceptResponse: this.#acceptance(replica),
        timeoutMs: this.#timeLimit?.ms ?? upstreamTimeoutMs,
      },
      this,
    );
  }

  #acceptance(replica: LiveReplica): (head: UpstreamResponseHead) => boolean {
    const accepts = this.#mayGoElsewhere() ? acceptsUnlessBusy : acceptsResponse;
    if (replica.isLeaving !== true) return accepts;
    return (head) => {
      // Soon it takes no more connections: one that it has not accepted by then would be reset, and what was sent on it lost.
      if (!head.keepAlive) this.#options.onUnreachable(this.#entry, replica);
      return accepts(head);
    };
  }

  relayEnded(outcome: RelayOutcome): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    this.#leaveReplica();
    if (outcome.kind === 'completed') {
      replica.answered = (replica.answered ?? 0) + 1;
      this.#end(outcome.status);
      return;
    }
    if (outcome.kind === 'failed') this.#options.onDoubt(this.#entry, replica);
    const isElsewhere = outcome.kind === 'not_delivered' || outcome.kind === 'declined';
    if (outcome.kind === 'declined' && outcome.status === TOO_MANY) this.#wasBusy = true;
    else if (isElsewhere) this.#options.onUnreachable(this.#entry, replica);
    // A body was on its way before the 421 came: it is not there any more to be sent again.
    const isRepeatable =
      isElsewhere && (outcome.kind === 'not_delivered' || this.#call.exchange.request.contentLength === 0);
    if (isRepeatable) {
      this.#tried = [...(this.#tried ?? NOBODY), replica];
      this.begin();
    } else this.#settle(outcome);
  }

  /** Whether a call that a watchdog refuses as one too many could be sent to another replica: once, and while nothing of it is used up. */
  #mayGoElsewhere(): boolean {
    return (
      !this.#wasBusy && this.#entry.replicas.length > 1 && this.#call.exchange.request.contentLength === 0
    );
  }

  #settle(outcome: Exclude<RelayOutcome, { kind: 'completed' }>): void {
    const { key } = this.#entry;
    switch (outcome.kind) {
      case 'upgraded':
        this.#end(101);
        break;
      case 'client_gone':
        this.#end(CLIENT_GONE);
        break;
      case 'timed_out': {
        const limit = this.#timeLimit ?? gatewayTimeLimit(this.#options.upstreamTimeoutMs);
        const message = `${key} did not answer within ${limit.name}`;
        this.#fail(new FaasError('upstream_timeout', message), outcome.answered);
        break;
      }
      case 'failed': {
        const message = `${key} broke off: ${outcome.cause.message}`;
        this.#fail(new FaasError('upstream_broken', message), outcome.answered);
        break;
      }
      case 'declined':
      case 'not_delivered': {
        const message = `the replica of ${key} that was called is gone, and nothing was run: send the call again`;
        this.#fail(new FaasError('upstream_unreachable', message), false);
      }
    }
  }

  #fail(failure: FaasError, isAnswered: boolean): void {
    this.#call.error = failure.cause === undefined ? failure.message : String(failure.cause);
    this.#leaveReplica();
    this.#end(failure.status);
    if (!isAnswered) this.#call.refuse(failure);
  }

  #leaveReplica(): void {
    if (this.#replica !== undefined) this.#replica.inFlight--;
    this.#replica = undefined;
    if (this.#replicaSlot === NO_SLOT) return;
    const { counts, waitingRoom } = this.#options;
    counts.leave(this.#replicaSlot);
    this.#replicaSlot = NO_SLOT;
    waitingRoom.open(this.#entry);
  }

  #end(status: number): void {
    this.#owner.ended(this.#call, this.#entry, status);
  }
}

function internalError(cause: unknown): FaasError {
  const message = 'the gateway failed: its log has the reason';
  return cause instanceof FaasError ? cause : new FaasError('internal_error', message, { cause });
}

function ownHeaders({ dropsState }: CallSpan): ReadonlySet<string> {
  return dropsState ? OWN_AND_STATE : OWN_AND_TRACE;
}

/** A watchdog lets these run without a limit of time. */
function wantsStream(exchange: Exchange): boolean {
  const accept = exchange.header('accept')?.toLowerCase();
  return (
    accept !== undefined && (accept.includes('text/event-stream') || accept.includes('application/x-ndjson'))
  );
}
