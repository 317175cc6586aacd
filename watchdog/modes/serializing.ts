import { logAccess } from '../access-log.ts';
import { answer, type Call, type CallHandler } from '../call.ts';
import { cgiEnv } from '../cgi-env.ts';
import { ChildLog } from '../child-log.ts';
import { log } from '../log.ts';
import {
  badBodyStatus,
  bodyOutcome,
  describeOutcome,
  type Outcome,
  toSerializingAnswer,
} from '../outcome.ts';
import type { ProcessRunner } from '../process-runner.ts';
import { readRequestBody, WHOLE_BODY_BYTES } from '../request-body.ts';
import { ResponseOutput } from '../response.ts';
import type { RunningProcess } from '../run-process.ts';
import { timeLimits } from '../time-limits.ts';
import type { ModeOptions } from './mode.ts';

interface SerializingOptions extends Pick<ModeOptions, 'config'> {
  readonly run: ProcessRunner;
}

/** of-watchdog's `serializing`: one process for every request, the whole body on stdin, the whole output as the answer. */
export function serializingHandler(options: SerializingOptions): CallHandler {
  return (call) => new SerializedCall(call, options).begin();
}

class SerializedCall {
  readonly #call: Call;
  readonly #options: SerializingOptions;
  readonly #output: ResponseOutput;
  readonly #stderr: ChildLog;
  #run: RunningProcess | undefined;

  constructor(call: Call, options: SerializingOptions) {
    this.#call = call;
    this.#options = options;
    this.#stderr = new ChildLog('stderr', options.config);
    this.#output = new ResponseOutput(call.exchange, () => {
      call.status = 200;
      return { head: { status: 200, headers: this.#contentType() }, bodyStart: 0 };
    });
  }

  begin(): void {
    const { exchange } = this.#call;
    exchange.onClientGone(() => this.#run?.stop({ kind: 'client_gone' }));
    const limits = { bytes: WHOLE_BODY_BYTES, ms: this.#options.config.writeTimeoutMs };
    readRequestBody(exchange, limits, {
      onWhole: (body) => void this.#start(body),
      onLong: () => this.#start('stream')?.stdin,
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
    let variables: Record<string, string>;
    try {
      variables = cgiEnv(this.#call.exchange.request, 'of-watchdog');
    } catch (cause) {
      this.#finish({ kind: 'body_failed', cause: cause as Error });
      return undefined;
    }
    const run = this.#options.run({
      variables,
      stdin,
      limits: timeLimits(config),
      onStdout: (bytes) => this.#output.add(bytes),
      onStderr: (bytes) => this.#stderr.write(bytes),
    });
    this.#run = run;
    void run.outcome.then((outcome) => this.#finish(outcome));
    return run;
  }

  #finish(outcome: Outcome): void {
    const { exchange, startedAt } = this.#call;
    const seconds = (performance.now() - startedAt) / 1000;
    const succeeded = outcome.kind === 'exited' && outcome.exitCode === 0;
    const { held, totalBytes } = this.#output;
    let bytes = totalBytes;
    this.#stderr.end();
    if (held !== undefined) {
      const { status, body } = toSerializingAnswer(outcome, held);
      answer(this.#call, status, [...this.#contentType(), 'X-Duration-Seconds', seconds.toFixed(6)], body);
      bytes = Buffer.byteLength(body);
      if (!succeeded) log(describeOutcome(outcome));
    } else if (succeeded) this.#output.finish(undefined);
    else {
      const text = `answer cut short after ${totalBytes} bytes: ${describeOutcome(outcome)}`;
      log(text);
      this.#output.finish(new Error(text));
    }
    logAccess(exchange, {
      status: String(this.#call.status),
      bytes,
      seconds,
      withCallId: this.#options.config.logCallId,
    });
  }

  #contentType(): string[] {
    return ['Content-Type', this.#options.config.contentType ?? 'application/octet-stream'];
  }
}
