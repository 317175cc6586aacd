import { relay } from '../../http1/relay.ts';
import type { RelayOutcome, UpstreamPool } from '../../http1/types.ts';
import { type CallHeaders, currentStep, type ObjectBody, type QueuedCall } from '../queue/call.ts';
import type { Outcome } from '../queue/settle.ts';
import { AnswerKeeper, type KeptAnswer } from './answer-keeper.ts';
import type { GatewayAddresses } from './gateway-addresses.ts';
import { type StoredBody, StoredExchange } from './stored-exchange.ts';

export interface InvokerOptions {
  readonly pool: UpstreamPool;
  readonly gateways: GatewayAddresses;
  readonly timeoutMs: number;
  readonly resultLimitBytes: number;
  /** @returns undefined: it is not there any more */
  readonly openBody: (body: ObjectBody) => Promise<ReadableStream<Uint8Array> | undefined>;
  /** @param isInput of the next function of the call; otherwise it is the call's result */
  readonly storeResult: (body: ReadableStream<Uint8Array>, isInput: boolean) => Promise<ObjectBody>;
}

type Answered = Extract<Outcome, { kind: 'answered' }>;

/** How an attempt went. */
export type Invoked =
  | { readonly kind: 'over'; readonly outcome: Outcome; readonly answer?: KeptAnswer | undefined }
  /** The gateway was not there: nothing was tried. */
  | { readonly kind: 'unreachable'; readonly reason: string };

/** Fields that the gateway adds to each answer, and that are this call's own. */
const OWN_RESPONSE_HEADERS: ReadonlySet<string> = new Set(['x-call-id']);

/** Calls a function through the gateway. */
export class Invoker {
  readonly #options: InvokerOptions;

  constructor(options: InvokerOptions) {
    this.#options = options;
  }

  /** @param signal ends the call; its outcome is then that it was lost. @throws {Error} when a store does not answer */
  async invoke(call: QueuedCall, signal: AbortSignal): Promise<Invoked> {
    const { pool, gateways, timeoutMs, resultLimitBytes, storeResult } = this.#options;
    const address = await gateways.pick().catch((error: Error) => error);
    if (address instanceof Error) return { kind: 'unreachable', reason: address.message };
    const body = await this.#bodyOf(call);
    if (body === undefined) return lost('its body is not there any more');
    let keeper: AnswerKeeper | undefined;
    let answered: Pick<Answered, 'isInternal' | 'code' | 'retryAfter'> = { isInternal: false };
    const isLastStep = call.step === call.steps.length - 1;
    const target = `/function/${currentStep(call).function}${call.path}`;
    let exchange: StoredExchange;
    try {
      exchange = new StoredExchange({
        target,
        headers: withCallId(call),
        body,
        onResponse: ({ status, headers }, drain) => {
          answered = {
            isInternal: headerOf(headers, 'x-openfaas-internal') !== undefined,
            code: headerOf(headers, 'x-skep-error'),
            retryAfter: headerOf(headers, 'retry-after'),
          };
          const isInput = !isLastStep && status < 400;
          keeper = new AnswerKeeper({
            status,
            headers,
            most: resultLimitBytes,
            isNeeded: isInput,
            store: (stream) => storeResult(stream, isInput),
            drain,
          });
          return keeper;
        },
      });
    } catch (error) {
      return lost((error as Error).message);
    }
    const leave = (): void => exchange.leave();
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      const ended = await relay(exchange, {
        pool,
        address,
        target,
        timeoutMs,
        allowUpgrade: false,
        dropResponseHeaders: OWN_RESPONSE_HEADERS,
      }).catch((error: Error) => error);
      if (ended instanceof Error) return lost(ended.message);
      if (ended.kind === 'not_delivered') {
        gateways.failed(address);
        return { kind: 'unreachable', reason: ended.cause.message };
      }
      if (ended.kind !== 'completed' || keeper === undefined) return lost(this.#reasonOf(ended));
      const answer = await keeper.finish();
      if (answer === undefined) return lost('what it answered, for the next function, could not be stored');
      return { kind: 'over', outcome: { kind: 'answered', status: ended.status, ...answered }, answer };
    } finally {
      // A body that nobody reads to its end is read no more.
      exchange.leave();
      signal.removeEventListener('abort', leave);
      if (!(body instanceof Uint8Array) && !body.stream.locked)
        await body.stream.cancel().catch(() => undefined);
    }
  }

  async #bodyOf({ body }: QueuedCall): Promise<StoredBody | undefined> {
    if (body instanceof Uint8Array) return body;
    const stream = await this.#options.openBody(body);
    return stream === undefined ? undefined : { bytes: body.bytes, stream };
  }

  #reasonOf(ended: RelayOutcome): string {
    if (ended.kind === 'timed_out') return `no answer within ${this.#options.timeoutMs} ms`;
    if (ended.kind === 'failed') return ended.cause.message;
    return 'it was ended';
  }
}

function lost(reason: string): Invoked {
  return { kind: 'over', outcome: { kind: 'lost', reason } };
}

/** The first value of a header. */
function headerOf(headers: CallHeaders, lowerCaseName: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === lowerCaseName) return headers[i + 1];
  }
  return undefined;
}

function withCallId({ id, headers }: QueuedCall): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.toLowerCase() !== 'x-call-id') kept.push(name, headers[i + 1] ?? '');
  }
  return [...kept, 'X-Call-Id', id];
}
