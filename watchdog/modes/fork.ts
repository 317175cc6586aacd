import type { RawHeaders, ResponseHead } from '../../http1/types.ts';
import { answer, type Call, type CallHandler } from '../call.ts';
import { canonicalHeaderName, cgiEnv } from '../cgi-env.ts';
import { type CgiResponse, parseCgiResponse } from '../cgi-response.ts';
import { containerStdout } from '../container-output.ts';
import { log } from '../log.ts';
import { marshalRequest } from '../marshal-request.ts';
import { badBodyStatus, bodyOutcome, describeOutcome, type Outcome, toAnswer } from '../outcome.ts';
import type { ProcessRunner } from '../process-runner.ts';
import { readRequestBody, WHOLE_BODY_BYTES } from '../request-body.ts';
import { ResponseOutput } from '../response.ts';
import type { RunningProcess } from '../run-process.ts';
import { timeLimits } from '../time-limits.ts';
import type { ModeOptions } from './mode.ts';

/** A marshalled request is one JSON document: it has to fit into memory, twice. */
const MARSHALLED_BODY_BYTES = 16_777_216;
/** Of what a process writes to stderr this much is logged. */
const LOGGED_STDERR_BYTES = 65_536;

export interface ForkOptions extends Pick<ModeOptions, 'config'> {
  readonly run: ProcessRunner;
}

/** The classic mode: one process for every request, body on stdin, output as the answer. */
export function forkHandler(options: ForkOptions): CallHandler {
  return (call) => new ForkedCall(call, options).begin();
}

class ForkedCall {
  readonly #call: Call;
  readonly #options: ForkOptions;
  readonly #output: ResponseOutput;
  #run: RunningProcess | undefined;
  #stderr: Uint8Array[] = [];
  #stderrBytes = 0;

  constructor(call: Call, options: ForkOptions) {
    this.#call = call;
    this.#options = options;
    this.#output = new ResponseOutput(call.exchange, (held) => this.#streamedHead(held));
  }

  begin(): void {
    const { exchange } = this.#call;
    const { marshalRequest: marshals, debugHeaders } = this.#options.config;
    if (debugHeaders) logHeaders('in', exchange.request.headers);
    exchange.onClientGone(() => this.#run?.stop({ kind: 'client_gone' }));
    const limits = {
      bytes: marshals ? MARSHALLED_BODY_BYTES : WHOLE_BODY_BYTES,
      ms: this.#options.config.writeTimeoutMs,
    };
    readRequestBody(exchange, limits, {
      onWhole: (body) => void this.#start(marshals ? marshalRequest(exchange.request, body) : body),
      onLong: (): RunningProcess['stdin'] => {
        if (!marshals) return this.#start('stream')?.stdin;
        const text = `marshal_request takes bodies of up to ${MARSHALLED_BODY_BYTES} bytes\n`;
        answer(this.#call, 413, ['Content-Type', 'text/plain'], text);
        return undefined;
      },
      onFailed: (cause) => {
        const outcome = bodyOutcome(cause);
        if (this.#run === undefined) this.#finish(outcome);
        else {
          // The listener tells the client, where it can still be told.
          if (outcome.kind === 'body_failed') this.#call.status = badBodyStatus(cause);
          this.#run.stop(outcome);
        }
      },
    });
  }

  #start(stdin: Uint8Array | 'stream'): RunningProcess | undefined {
    const { config } = this.#options;
    let variables: Record<string, string> | undefined;
    try {
      variables = config.cgiHeaders ? cgiEnv(this.#call.exchange.request) : undefined;
    } catch (cause) {
      this.#finish({ kind: 'body_failed', cause: cause as Error });
      return undefined;
    }
    const run = this.#options.run({
      variables,
      stdin,
      limits: timeLimits(config),
      onStdout: (bytes) => this.#take(bytes),
      onStderr: config.combineOutput ? undefined : (bytes) => this.#keepStderr(bytes),
    });
    this.#run = run;
    void run.outcome.then((outcome) => this.#finish(outcome));
    return run;
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    const shown = this.#options.config.writeDebug ? containerStdout.write(bytes) : undefined;
    try {
      const taken = this.#output.add(bytes);
      return shown === undefined ? taken : shown.then(() => taken);
    } catch (cause) {
      this.#run?.stop({ kind: 'invalid_response', cause: cause as Error });
    }
  }

  #keepStderr(bytes: Uint8Array): void {
    if (this.#stderrBytes < LOGGED_STDERR_BYTES) this.#stderr.push(bytes);
    this.#stderrBytes += bytes.length;
  }

  #finish(ended: Outcome): void {
    const { config } = this.#options;
    const seconds = (performance.now() - this.#call.startedAt) / 1000;
    const held = this.#output.held;
    if (held === undefined) this.#finishStream(ended);
    else this.#answerWhole(ended, held, seconds);
    this.#logStderr();
    if (config.writeDebug) log(`Duration: ${seconds.toFixed(6)}s`);
    else log(`Wrote ${this.#output.totalBytes} Bytes - Duration: ${seconds.toFixed(6)}s`);
  }

  #answerWhole(ended: Outcome, output: Buffer, seconds: number): void {
    const { config } = this.#options;
    const succeeded = ended.kind === 'exited' && ended.exitCode === 0;
    const timing = ['X-Duration-Seconds', seconds.toFixed(6)];
    let outcome = ended;
    if (succeeded && config.cgiResponse) {
      try {
        const response = parseCgiResponse(output);
        this.#respond(
          { ...headOf(response), headers: [...response.headers, ...timing] },
          output.subarray(response.bodyStart),
        );
        return;
      } catch (cause) {
        outcome = { kind: 'invalid_response', cause: cause as Error };
      }
    }
    if (outcome.kind !== 'exited' && outcome.kind !== 'client_gone') log(describeOutcome(outcome));
    // With a response head in front, half of an answer is no text to show to the client.
    const shown = config.cgiResponse ? Buffer.alloc(0) : output;
    const { status, contentType, body } = toAnswer(outcome, {
      output: shown,
      contentType: this.#contentType(),
    });
    const headers = contentType === undefined ? [] : ['Content-Type', contentType];
    this.#respond({ status, headers: succeeded && status === 200 ? [...headers, ...timing] : headers }, body);
  }

  #respond(head: ResponseHead, body: Buffer): void {
    const { exchange } = this.#call;
    if (this.#options.config.debugHeaders) logHeaders('out', head.headers);
    if (exchange.isAnswered) return;
    this.#call.status = head.status;
    try {
      exchange.respond(head, body);
    } catch (cause) {
      // A header value that the listener refuses to write.
      log(`cannot answer: ${(cause as Error).message}`);
      answer(this.#call, 500, ['Content-Type', 'text/plain'], 'invalid response of the function\n');
    }
  }

  #finishStream(outcome: Outcome): void {
    if (outcome.kind === 'exited' && outcome.exitCode === 0) {
      this.#output.finish(undefined);
      return;
    }
    const text = `answer cut short after ${this.#output.totalBytes} bytes: ${describeOutcome(outcome)}`;
    log(text);
    this.#output.finish(new Error(text));
  }

  #streamedHead(held: Buffer): { head: ResponseHead; bodyStart: number } {
    let head: ResponseHead = {
      status: 200,
      headers: ['Content-Type', this.#contentType() ?? 'application/octet-stream'],
    };
    let bodyStart = 0;
    if (this.#options.config.cgiResponse) {
      const response = parseCgiResponse(held);
      head = headOf(response);
      bodyStart = response.bodyStart;
    }
    if (this.#options.config.debugHeaders) logHeaders('out', head.headers);
    this.#call.status = head.status;
    return { head, bodyStart };
  }

  #contentType(): string | undefined {
    return this.#options.config.contentType ?? (this.#call.exchange.header('content-type') || undefined);
  }

  #logStderr(): void {
    if (this.#stderrBytes === 0) return;
    const text = Buffer.concat(this.#stderr).toString('utf8', 0, LOGGED_STDERR_BYTES);
    const left = this.#stderrBytes - LOGGED_STDERR_BYTES;
    log(`stderr: ${text.trimEnd()}${left > 0 ? `\n… ${left} more bytes` : ''}`);
  }
}

function headOf({ status, reason, headers }: CgiResponse): ResponseHead {
  return reason === undefined ? { status, headers } : { status, reason, headers };
}

function logHeaders(direction: 'in' | 'out', headers: RawHeaders): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    log(`[${direction}] ${canonicalHeaderName(headers[i] ?? '')}=[${headers[i + 1]}]`);
  }
}
