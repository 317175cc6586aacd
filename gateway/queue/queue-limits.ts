/** How much a queue keeps, and for how long. */
export interface QueueLimits {
  /** Of waiting calls, with their bodies up to 512 KiB. */
  readonly queueBytes: number;
  /** Of calls that are to run later. */
  readonly laterBytes: number;
  /** Of longer bodies. */
  readonly bodyBytes: number;
  /** Of records, with results up to 512 KiB; the oldest go first. */
  readonly recordBytes: number;
  /** Of longer results; the oldest go first. */
  readonly resultBytes: number;
  /** How long records and results are kept after their last change. */
  readonly resultTtlMs: number;
  readonly deadBytes: number;
  /** How long an idempotency key stands for its call. */
  readonly keyTtlMs: number;
}
