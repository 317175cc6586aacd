import type { BodySink } from '../../http1/types.ts';
import { logAccess } from '../access-log.ts';
import { answer, type Call, type CallHandler } from '../call.ts';
import { cgiEnv } from '../cgi-env.ts';
import { ChildLog } from '../child-log.ts';
import { log } from '../log.ts';
import { badBodyStatus, bodyOutcome, describeOutcome, type Outcome, writeTimeoutText } from '../outcome.ts';
import type { ProcessRunner } from '../process-runner.ts';
import { ResponseOutput } from '../response.ts';
import type { RunningProcess, StdinWriter } from '../run-process.ts';
import { timeLimits } from '../time-limits.ts';
import type { ModeOptions } from './mode.ts';

interface StreamingOptions extends Pick<ModeOptions, 'config'> {
  readonly run: ProcessRunner;
}

/** of-watchdog's `streaming`: one process for every request, its stdin the body and its stdout the answer, both as they come. */
export function streamingHandler(options: StreamingOptions): CallHandler {
  return (call) => new StreamedCall(call, options).begin();
}

class StreamedCall {
  readonly #call: Call;
  readonly #options: StreamingOptions;
  readonly #output: ResponseOutput;
  readonly #stderr: ChildLog;

  constructor(call: Call, options: StreamingOptions) {
    this.#call = call;
    this.#options = options;
    this.#stderr = new ChildLog('stderr', options.config);
    const head = () => {
      call.status = 200;
      return { head: { status: 200, headers: this.#contentType() }, bodyStart: 0 };
    };
    this.#output = new ResponseOutput(call.exchange, head, 0);
  }

  begin(): void {
    const { config } = this.#options;
    const { exchange } = this.#call;
    let variables: Record<string, string>;
    try {
      variables = cgiEnv(exchange.request, 'of-watchdog');
    } catch (cause) {
      this.#finish({ kind: 'body_failed', cause: cause as Error });
      return;
    }
    const run = this.#options.run({
      variables,
      stdin: exchange.request.contentLength === 0 ? new Uint8Array() : 'stream',
      limits: timeLimits(config),
      onStdout: (bytes) => this.#output.add(bytes),
      onStderr: (bytes) => this.#stderr.write(bytes),
    });
    exchange.onClientGone(() => run.stop({ kind: 'client_gone' }));
    if (run.stdin !== undefined) exchange.readBody(this.#bodySink(run, run.stdin));
    void run.outcome.then((outcome) => this.#finish(outcome));
  }

  #bodySink(run: RunningProcess, stdin: StdinWriter): BodySink {
    const { exchange } = this.#call;
    return {
      write: (bytes) => {
        const wait = stdin.write(bytes);
        if (wait === undefined) return true;
        void wait.then(() => exchange.resumeBody());
        return false;
      },
      end: () => stdin.end(),
      abort: (cause) => {
        const outcome = bodyOutcome(cause);
        // The listener tells the client, where it can still be told.
        if (outcome.kind === 'body_failed' && !exchange.isAnswered) this.#call.status = badBodyStatus(cause);
        run.stop(outcome);
      },
    };
  }

  /** The status was sent with the first byte: a process that fails, or never starts, ends an answer that says 200; the log says 500. */
  #finish(outcome: Outcome): void {
    const { exchange, startedAt } = this.#call;
    const succeeded = outcome.kind === 'exited' && outcome.exitCode === 0;
    this.#stderr.end();
    if (!succeeded) log(describeOutcome(outcome));
    const status = this.#end(outcome);
    logAccess(exchange, {
      status: String(succeeded ? 200 : (status ?? 500)),
      bytes: this.#output.totalBytes,
      seconds: (performance.now() - startedAt) / 1000,
      withCallId: this.#options.config.logCallId,
    });
  }

  /** @returns the status where it is not the 200 of this mode */
  #end(outcome: Outcome): number | undefined {
    const isBegun = this.#output.held === undefined;
    switch (outcome.kind) {
      case 'client_gone':
        return 499;
      case 'body_failed':
        return this.#refuse(isBegun, badBodyStatus(outcome.cause), `${outcome.cause.message}\n`);
      case 'timed_out':
        if (outcome.limit === 'write_timeout')
          return this.#refuse(isBegun, 504, writeTimeoutText(outcome.afterMs));
    }
    if (isBegun) this.#output.finish(undefined);
    else answer(this.#call, 200, this.#contentType(), '');
    return undefined;
  }

  #refuse(isBegun: boolean, status: number, text: string): number {
    if (isBegun) this.#output.finish(new Error(text));
    else answer(this.#call, status, ['Content-Type', 'text/plain; charset=utf-8'], text);
    return status;
  }

  #contentType(): string[] {
    return ['Content-Type', this.#options.config.contentType ?? 'application/octet-stream'];
  }
}
