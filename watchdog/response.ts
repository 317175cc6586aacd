import type { BodySink, Exchange, ResponseHead } from '../http1/types.ts';

/** Output held back until the exit status is known; beyond it the answer begins, and a later failure cuts it short. */
const HELD_OUTPUT_BYTES = 4_194_304;

/** A process's output on its way to the client: held back while it is small, streamed from then on. */
export class ResponseOutput {
  readonly #exchange: Exchange;
  readonly #heldBytes: number;
  readonly #headOf: (held: Buffer) => { head: ResponseHead; bodyStart: number };
  #pieces: Uint8Array[] = [];
  #length = 0;
  #stream: BodySink | undefined;
  #drained: (() => void) | undefined;
  /** Bytes of output so far. */
  totalBytes = 0;

  /**
   * @param headOf the head of a streamed answer, from the output so far; may throw
   * @param heldBytes how much is held back; 0: everything is sent as it comes
   */
  constructor(
    exchange: Exchange,
    headOf: (held: Buffer) => { head: ResponseHead; bodyStart: number },
    heldBytes = HELD_OUTPUT_BYTES,
  ) {
    this.#exchange = exchange;
    this.#heldBytes = heldBytes;
    this.#headOf = headOf;
    exchange.onFinished(() => this.#release());
  }

  /** Undefined once streaming has begun. */
  get held(): Buffer | undefined {
    return this.#stream === undefined ? Buffer.concat(this.#pieces) : undefined;
  }

  /** @throws what `headOf` throws */
  add(bytes: Uint8Array): Promise<void> | undefined {
    this.totalBytes += bytes.length;
    if (this.#stream !== undefined) return this.#send(this.#stream, bytes);
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    if (this.#length <= this.#heldBytes) return undefined;
    const held = Buffer.concat(this.#pieces);
    const { head, bodyStart } = this.#headOf(held);
    this.#pieces = [];
    this.#stream = this.#exchange.startResponse(head, () => this.#release());
    return this.#send(this.#stream, held.subarray(bodyStart));
  }

  /** Completes a streamed answer, or breaks it off where the process failed after all. */
  finish(failure: Error | undefined): void {
    if (failure === undefined) this.#stream?.end();
    else this.#stream?.abort(failure);
  }

  #send(stream: BodySink, bytes: Uint8Array): Promise<void> | undefined {
    if (stream.write(bytes)) return undefined;
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  #release(): void {
    this.#drained?.();
    this.#drained = undefined;
  }
}
