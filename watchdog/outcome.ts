import { BadMessage } from '../http1/bad-message.ts';
import { sniffContentType } from './sniff-content-type.ts';

/** How one forked process ended. The runner knows no HTTP; `toAnswer` alone maps this to a status. */
export type Outcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'timed_out'; readonly limit: TimeLimitName; readonly afterMs: number }
  | { readonly kind: 'client_gone' }
  /** The request body broke off or came too slowly. */
  | { readonly kind: 'body_failed'; readonly cause: Error }
  /** It ended well, but what it wrote is no answer (`cgi_response`). */
  | { readonly kind: 'invalid_response'; readonly cause: Error }
  | { readonly kind: 'not_started'; readonly cause: Error };

export type TimeLimitName = 'exec_timeout' | 'write_timeout';

export interface Answer {
  readonly status: number;
  /** Absent: no header. */
  readonly contentType?: string;
  readonly body: Buffer;
}

export interface AnswerOptions {
  readonly output: Buffer;
  /** Type of a successful answer when it is known: the configured one or the request's. */
  readonly contentType: string | undefined;
}

/** The answer the contract asks for. The answer to a client that has gone is written to nobody. */
export function toAnswer(outcome: Outcome, { output, contentType }: AnswerOptions): Answer {
  switch (outcome.kind) {
    case 'exited': {
      if (outcome.exitCode === 0) {
        return { status: 200, contentType: contentType ?? sniffContentType(output), body: output };
      }
      return failure(500, `exit status ${outcome.exitCode}\n`, output);
    }
    case 'signalled':
      return failure(500, `signal: ${goSignalText(outcome.signal)}\n`, output);
    case 'timed_out':
      return outcome.limit === 'exec_timeout'
        ? failure(408, 'Killed process.\n')
        : failure(504, writeTimeoutText(outcome.afterMs));
    case 'client_gone':
      return failure(499, '');
    case 'body_failed':
      return failure(badBodyStatus(outcome.cause), `${outcome.cause.message}\n`);
    case 'invalid_response':
      return failure(500, `invalid response of the function: ${outcome.cause.message}\n`);
    case 'not_started':
      return failure(500, `${outcome.cause.message}\n`);
  }
}

/** The status and text of a call in mode `serializing`: no line end, and nothing of the output where the process failed. */
export function toSerializingAnswer(
  outcome: Outcome,
  output: Buffer,
): { readonly status: number; readonly body: Buffer | string } {
  switch (outcome.kind) {
    case 'exited':
      if (outcome.exitCode === 0) return { status: 200, body: output };
      return { status: 500, body: `exit status ${outcome.exitCode}` };
    case 'signalled':
      return { status: 500, body: `signal: ${goSignalText(outcome.signal)}` };
    case 'timed_out':
      if (outcome.limit === 'exec_timeout') return { status: 500, body: 'signal: killed' };
      return { status: 504, body: writeTimeoutText(outcome.afterMs) };
    case 'client_gone':
      return { status: 499, body: '' };
    case 'body_failed':
      return { status: badBodyStatus(outcome.cause), body: outcome.cause.message };
    case 'invalid_response':
    case 'not_started':
      return { status: 500, body: outcome.cause.message };
  }
}

/** What the log says of a call that did not end well. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exit status ${outcome.exitCode}`;
    case 'signalled':
      return `the process was ended by ${outcome.signal}`;
    case 'timed_out':
      return `process killed: ${outcome.limit} of ${outcome.afterMs / 1000}s exceeded`;
    case 'client_gone':
      return 'the client has gone';
    case 'body_failed':
      return `cannot read the request: ${outcome.cause.message}`;
    case 'invalid_response':
      return `invalid response of the function: ${outcome.cause.message}`;
    case 'not_started':
      return `cannot start the process: ${outcome.cause.message}`;
  }
}

/** Why a request body did not come whole: it broke the protocol or was too slow, or the client left. */
export function bodyOutcome(cause: Error): Outcome {
  return cause instanceof BadMessage ? { kind: 'body_failed', cause } : { kind: 'client_gone' };
}

/** What the client of a broken request body is told: 400, or 408 where it was too slow. */
export function badBodyStatus(cause: Error): number {
  return cause instanceof BadMessage ? cause.status : 400;
}

export function writeTimeoutText(afterMs: number): string {
  return `Killed process: no complete answer within write_timeout (${afterMs / 1000}s). Raise write_timeout, or set exec_timeout below it.\n`;
}

function failure(status: number, text: string, output?: Buffer): Answer {
  const head = Buffer.from(text);
  const body = output === undefined || output.length === 0 ? head : Buffer.concat([head, output]);
  return { status, contentType: sniffContentType(body), body };
}

const GO_SIGNAL_TEXTS: Readonly<Record<string, string>> = {
  SIGABRT: 'aborted', SIGALRM: 'alarm clock', SIGBUS: 'bus error', SIGFPE: 'floating point exception',
  SIGHUP: 'hangup', SIGILL: 'illegal instruction', SIGINT: 'interrupt', SIGKILL: 'killed',
  SIGPIPE: 'broken pipe', SIGQUIT: 'quit', SIGSEGV: 'segmentation fault', SIGTERM: 'terminated',
}; // biome-ignore format: a table

/** As Go words it: `killed` for SIGKILL. */
export function goSignalText(signal: string): string {
  return GO_SIGNAL_TEXTS[signal] ?? signal.toLowerCase();
}
