import { fieldId } from '../../http1/field-names.ts';
import type { Exchange } from '../../http1/types.ts';
import type { FaasError } from '../errors.ts';
import type { CallSpan } from './call-tracer.ts';
import type { LiveReplica } from './function-table.ts';
import { NO_SLOT } from './limits/admission.ts';

// Looked for in every call.
for (const name of ['x-call-id', 'x-forwarded-host', 'x-forwarded-for', 'accept']) fieldId(name);

/** One invocation's own facts, the header lines made of them, and the answers the gateway itself gives. */
export class Call {
  readonly exchange: Exchange;
  readonly rest: string;
  readonly id: string;
  readonly startedAt = performance.now();
  /** What went wrong, for the log. */
  error: string | undefined;
  /** Where it was sent last. */
  replica: LiveReplica | undefined;
  /** Its part in a trace, where calls are traced. */
  span: CallSpan | undefined;
  /** It is one of the gateway's limited number of calls in flight. */
  isCounted = false;
  /** The function's place in the shared counts, while this call is counted there. */
  slot = NO_SLOT;
  readonly #startTime: string;
  /** Field lines that tell of the call, both to the function and to the client. */
  readonly #lines: string;
  readonly #servedBy: string;

  constructor(exchange: Exchange, rest: string, servedBy: string) {
    this.exchange = exchange;
    this.rest = rest;
    this.id = exchange.header('x-call-id') || crypto.randomUUID();
    // Nanoseconds since 1970, as OpenFaaS writes them; the clock has microseconds.
    this.#startTime = `${Math.round((performance.timeOrigin + this.startedAt) * 1000)}000`;
    this.#lines = `X-Call-Id: ${this.id}\r\nX-Start-Time: ${this.#startTime}\r\n`;
    this.#servedBy = servedBy;
  }

  /**
   * Field lines for the function. What stands in them is ours or has come in a head that was found valid.
   * @param replicaLines those that are the same for every call of the replica
   */
  requestLines(replicaLines: string): string {
    const { exchange } = this;
    let lines = replicaLines + this.#lines;
    if (exchange.header('x-forwarded-host') === undefined)
      lines += `X-Forwarded-Host: ${hostOf(exchange)}\r\n`;
    if (exchange.header('x-forwarded-for') === undefined)
      lines += `X-Forwarded-For: ${exchange.remoteAddress}\r\n`;
    if (this.span !== undefined) lines += this.span.requestLines;
    return lines;
  }

  /** Field lines for the client. */
  get responseLines(): string {
    return `${this.#lines}X-Served-By: ${this.#servedBy}\r\n`;
  }

  refuse(failure: FaasError): void {
    const headers = [
      'Content-Type',
      'text/plain; charset=utf-8',
      'X-OpenFaaS-Internal',
      'gateway',
      'X-Skep-Error',
      failure.code,
      'X-Call-Id',
      this.id,
      'X-Start-Time',
      this.#startTime,
      'X-Served-By',
      this.#servedBy,
    ];
    if (failure.status === 503 || failure.status === 429) {
      headers.push('Retry-After', String(failure.retryAfterSeconds ?? 1));
    }
    this.exchange.respond({ status: failure.status, headers }, `${failure.message}\n`);
  }
}

/** The host that the client called: a target in absolute form says it, whatever `Host` says (RFC 9112 3.2.2). */
function hostOf(exchange: Exchange): string {
  const { target } = exchange.request;
  if (target.charCodeAt(0) === 0x2f) return exchange.header('host') ?? '';
  return /^https?:\/\/(?:[^/?@]*@)?([^/?]*)/i.exec(target)?.[1] ?? '';
}
