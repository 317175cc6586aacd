import { createPool } from '../../http1/pool.ts';
import { relay } from '../../http1/relay.ts';
import type {
  Exchange,
  RawHeaders,
  RelayOptions,
  RelayOutcome,
  UpstreamPool,
  UpstreamResponseHead,
} from '../../http1/types.ts';
import { logAccess } from '../access-log.ts';
import { answer, type Call } from '../call.ts';
import { splitTarget } from '../cgi-env.ts';
import type { WatchdogConfig } from '../config.ts';
import type { Upstream } from '../config-readers.ts';
import { changed, DerivedExchange } from '../derived-exchange.ts';
import { HostedProcess } from '../hosted-process.ts';
import { log } from '../log.ts';
import { readRequestBody } from '../request-body.ts';
import { choosePort } from '../upstream-port.ts';
import { UpstreamWatch } from '../upstream-watch.ts';
import { type CallLimit, configuredLimit, isStreaming, requestedLimit } from './http-rules.ts';
import type { ModeOptions, RunningMode } from './mode.ts';

/** Longest wait of a call for a process that does not listen yet. */
const LONGEST_HOLD_MS = 30_000;
/** A request body that is read whole first (`http_buffer_req_body`) has to fit into memory. */
const BUFFERED_BODY_BYTES = 104_857_600;
/** Servers close what is idle, many after 2 s and without a word: we drop it sooner, so that no request meets the closing. */
const IDLE_TIMEOUT_MS = 1_000;
/** On this machine only a full backlog keeps a connection waiting, and waiting is better than failing. */
const CONNECT_TIMEOUT_MS = 10_000;

const OWN_RESPONSE_HEADERS: ReadonlySet<string> = new Set(['x-duration-seconds']);

/** of-watchdog's `http`: the process is a server that is started once, and every request is relayed to it. @throws {Error} when it cannot be started */
export function startHttp({ config, baseEnv, command, end }: ModeOptions): RunningMode {
  if (config.upstream === undefined) throw new Error('mode http needs upstream_url');
  const { upstream, env } = choosePort(config.upstream);
  const program = command();
  const hosted = new HostedProcess({ command: program, env: { ...baseEnv, ...program.env, ...env }, config });
  let isTerminating = false;
  void hosted.ended.then((how) => {
    // Without its process the watchdog has nothing to serve; whoever runs the container starts both anew.
    log(`Forked function has terminated: ${how}`);
    end(isTerminating ? 0 : 1);
  });
  const shared: Shared = {
    config,
    upstream,
    limit: configuredLimit(config),
    watch: new UpstreamWatch(upstream.address),
    pool: createPool({ connectTimeoutMs: CONNECT_TIMEOUT_MS, idleTimeoutMs: IDLE_TIMEOUT_MS }),
  };
  return {
    handler: (call) => new HttpCall(call, shared).begin(),
    isServing: () => shared.watch.isListening,
    terminate: () => {
      isTerminating = true;
      hosted.terminate();
    },
  };
}

/** What the calls share. */
interface Shared {
  readonly config: WatchdogConfig;
  readonly upstream: Upstream;
  readonly limit: CallLimit | undefined;
  readonly watch: UpstreamWatch;
  readonly pool: UpstreamPool;
}

class HttpCall {
  readonly #call: Call;
  readonly #shared: Shared;
  #limit: CallLimit | undefined;
  #head: UpstreamResponseHead | undefined;
  #isStreaming = false;

  constructor(call: Call, shared: Shared) {
    this.#call = call;
    this.#shared = shared;
  }

  begin(): void {
    const { exchange } = this.#call;
    const { config, limit, watch } = this.#shared;
    this.#isStreaming = isStreaming(exchange);
    if (!this.#isStreaming) {
      try {
        const asked = exchange.header('x-timeout');
        this.#limit = asked === undefined ? limit : requestedLimit(asked, limit, config);
      } catch (error) {
        const text = `X-Timeout: ${(error as Error).message}\n`;
        this.#answerItself(400, 'Bad Request', text);
        return;
      }
    }
    if (watch.isListening || watch.wasListening) this.#deliver();
    else
      watch.whenListening(Math.min(this.#limit?.ms ?? LONGEST_HOLD_MS, LONGEST_HOLD_MS), () =>
        this.#deliver(),
      );
  }

  #deliver(): void {
    const { exchange } = this.#call;
    if (!this.#shared.config.bufferRequestBody || exchange.request.contentLength !== -1) {
      this.#relay(exchange);
      return;
    }
    readRequestBody(
      exchange,
      { bytes: BUFFERED_BODY_BYTES, ms: Math.max(0, this.#leftMs()) },
      {
        onWhole: (body) => {
          const request = changed(exchange.request, { contentLength: body.length });
          this.#relay(new DerivedExchange(exchange, request, body), ['Content-Length', String(body.length)]);
        },
        onLong: () => {
          const text = `http_buffer_req_body takes bodies of up to ${BUFFERED_BODY_BYTES} bytes\n`;
          this.#answerItself(413, 'Content Too Large', text);
          return undefined;
        },
        onFailed: () => {
          if (this.#limit !== undefined && this.#leftMs() < 1) this.#timedOut(false);
          else this.#logAccess('499 Client has gone', 0);
        },
      },
    );
  }

  /** Of the call's time limit; 0 where it has none. */
  #leftMs(): number {
    return this.#limit === undefined ? 0 : this.#limit.ms - (performance.now() - this.#call.startedAt);
  }

  #relay(exchange: Exchange, addRequestHeaders: RawHeaders = []): void {
    const { pool, upstream } = this.#shared;
    const leftMs = this.#leftMs();
    if (this.#limit !== undefined && leftMs <= 0) {
      this.#timedOut(false);
      return;
    }
    const options: RelayOptions = {
      pool,
      address: upstream.address,
      target: upstream.basePath + originForm(exchange.request.target),
      addRequestHeaders,
      dropResponseHeaders: OWN_RESPONSE_HEADERS,
      addResponseHeaders: (head) => this.#answered(head),
      timeoutMs: leftMs,
    };
    relay(exchange, options).then(
      (outcome) => this.#settle(outcome),
      (cause: Error) => this.#failed(cause, false),
    );
  }

  /** The answer's head is here: the status counts from now on, and the time so far is told to the client. */
  #answered(head: UpstreamResponseHead): RawHeaders {
    this.#head = head;
    this.#call.status = head.status;
    return this.#isStreaming ? [] : ['X-Duration-Seconds', this.#seconds().toFixed(6)];
  }

  #settle(outcome: RelayOutcome): void {
    switch (outcome.kind) {
      case 'completed':
      case 'upgraded':
      case 'declined':
        this.#logAnswer();
        break;
      case 'client_gone':
        this.#logAccess('499 Client has gone', 0);
        break;
      case 'timed_out':
        this.#timedOut(outcome.answered);
        break;
      case 'not_delivered':
        this.#shared.watch.refused();
        this.#failed(outcome.cause, false);
        break;
      case 'failed':
        this.#failed(outcome.cause, outcome.answered);
    }
  }

  #timedOut(isAnswered: boolean): void {
    const { name = 'exec_timeout', ms = 0 } = this.#limit ?? {};
    const cut = isAnswered ? ', its answer was cut short' : '';
    log(`Upstream HTTP killed due to ${name}: ${ms / 1000}s${cut}`);
    if (isAnswered) this.#logAnswer();
    else this.#answerItself(504, 'Gateway Timeout', '');
  }

  #failed(cause: Error, isAnswered: boolean): void {
    log(`Upstream HTTP request error: ${cause.message}${isAnswered ? ', its answer was cut short' : ''}`);
    if (isAnswered) this.#logAnswer();
    else this.#answerItself(500, 'Internal Server Error', '');
  }

  #answerItself(status: number, phrase: string, text: string): void {
    const headers = ['X-Duration-Seconds', this.#seconds().toFixed(6), 'X-OpenFaaS-Internal', 'of-watchdog'];
    if (text !== '') headers.push('Content-Type', 'text/plain; charset=utf-8');
    answer(this.#call, status, headers, text);
    this.#logAccess(`${status} ${phrase}`, Buffer.byteLength(text));
  }

  #logAnswer(): void {
    const { status = 0, reason = '', contentLength = -1 } = this.#head ?? {};
    this.#logAccess(`${status} ${reason}`, contentLength);
  }

  #logAccess(status: string, bytes: number): void {
    const { exchange } = this.#call;
    logAccess(exchange, {
      status,
      bytes,
      seconds: this.#seconds(),
      withCallId: this.#shared.config.logCallId,
    });
  }

  #seconds(): number {
    return (performance.now() - this.#call.startedAt) / 1000;
  }
}

/** `http://host/a?b` as `/a?b`; `*` of OPTIONS stays. */
function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  const { path, query } = splitTarget(target);
  return query === '' ? path : `${path}?${query}`;
}
