import { eventTime } from '../../http1/event.ts';
import { fieldId } from '../../http1/field-names.ts';
import type { Exchange, HeadOut, OwnFields } from '../../http1/types.ts';
import type { FaasError } from '../errors.ts';
import { CallMarks } from './call-marks.ts';
import type { CallSpan } from './call-tracer.ts';
import type { LiveReplica } from './function-table.ts';
import { NO_SLOT } from './limits/admission.ts';
import { refuse } from './refusal.ts';

// Looked for in every call.
for (const name of ['x-call-id', 'x-forwarded-host', 'x-forwarded-for', 'accept']) fieldId(name);

/** What answers say of who gave them. */
export interface ServedBy {
  readonly name: string;
  /** The same as a field line. */
  readonly line: string;
}

/** One invocation's own facts, the header lines made of them, and the answers the gateway itself gives. */
export class Call implements OwnFields {
  readonly exchange: Exchange;
  readonly rest: string;
  readonly startedAt = eventTime();
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
  /** Field lines that are the same for every call of the replica. */
  replicaLines = '';
  readonly setsHost = true;
  readonly #marks: CallMarks;
  readonly #served: ServedBy;

  constructor(exchange: Exchange, rest: string, served: ServedBy) {
    this.exchange = exchange;
    this.rest = rest;
    this.#marks = new CallMarks(exchange.header('x-call-id'), this.startedAt);
    this.#served = served;
  }

  get id(): string {
    return this.#marks.id;
  }

  writeRequestFields(out: HeadOut): void {
    const { exchange } = this;
    out.text(this.replicaLines);
    this.#marks.write(out);
    if (exchange.header('x-forwarded-host') === undefined) {
      out.text('X-Forwarded-Host: ');
      out.text(hostOf(exchange));
      out.text('\r\n');
    }
    if (exchange.header('x-forwarded-for') === undefined) {
      out.text('X-Forwarded-For: ');
      out.text(exchange.remoteAddress);
      out.text('\r\n');
    }
    if (this.span !== undefined) out.text(this.span.requestLines);
  }

  writeResponseFields(out: HeadOut): void {
    this.#marks.write(out);
    out.text(this.#served.line);
  }

  refuse(failure: FaasError): void {
    refuse(this.exchange, failure, [
      'X-Call-Id',
      this.id,
      'X-Start-Time',
      this.#marks.startTime,
      'X-Served-By',
      this.#served.name,
    ]);
  }
}

/** The host that the client called: a target in absolute form says it, whatever `Host` says (RFC 9112 3.2.2). */
export function hostOf(exchange: Exchange): string {
  const { target } = exchange.request;
  if (target.charCodeAt(0) === 0x2f) return exchange.header('host') ?? '';
  return /^https?:\/\/(?:[^/?@]*@)?([^/?]*)/i.exec(target)?.[1] ?? '';
}
