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
        : failure(
            504,
            `Killed process: no complete answer within write_timeout (${outcome.afterMs / 1000}s). Raise write_timeout, or set exec_timeout below it.\n`,
          );
    case 'client_gone':
      return failure(499, '');
    case 'body_failed':
      return failure(400, `${outcome.cause.message}\n`);
    case 'invalid_response':
      return failure(500, `invalid response of the function: ${outcome.cause.message}\n`);
    case 'not_started':
      return failure(500, `${outcome.cause.message}\n`);
  }
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

function goSignalText(signal: string): string {
  return GO_SIGNAL_TEXTS[signal] ?? signal.toLowerCase();
}
