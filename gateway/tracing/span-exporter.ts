import { type Span, toOtlpJson } from './otlp.ts';

const MOST_WAITING = 4096;
const MOST_AT_ONCE = 512;
const EVERY_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const SEND_TIMEOUT_MS = 5000;
/** Told by OTLP to be worth another attempt. */
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface SpanExporterOptions {
  /** Of the collector, e.g. `http://collector:4318`. */
  readonly endpoint: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  /** How long spans are gathered before they are sent. Default 1 s. */
  readonly everyMs?: number;
  /** The collector does not take spans, or (undefined) takes them again. */
  readonly onHealth: (error: Error | undefined) => void;
}

/**
 * Sends spans to a collector, in batches and in the background. What it cannot get rid of is dropped and counted: no call ever
 * waits for a collector, and memory stays bounded.
 */
export class SpanExporter {
  readonly #options: SpanExporterOptions;
  readonly #url: string;
  #waiting: Span[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #everyMs: number;
  #pauseMs: number;
  /** The request that is under way. */
  #sending: Promise<void> | undefined;
  #isFailing = false;
  #isClosed = false;
  #exported = 0;
  #dropped = 0;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? EVERY_MS;
    this.#pauseMs = this.#everyMs;
    this.#url = `${options.endpoint}/v1/traces`;
  }

  /** Since the start. */
  get exported(): number {
    return this.#exported;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(span: Span): void {
    if (this.#isClosed || this.#waiting.length >= MOST_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(span);
    if (this.#sending === undefined) this.#timer ??= setTimeout(() => this.#begin(), this.#pauseMs);
  }

  /** Sends what there is, once, and takes nothing more. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#sending;
    while (this.#waiting.length > 0 && !this.#isFailing) await this.#send();
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #begin(): void {
    this.#timer = undefined;
    this.#sending = this.#send().finally(() => {
      this.#sending = undefined;
      if (this.#isClosed || this.#waiting.length === 0) return;
      const isBehind = this.#waiting.length >= MOST_AT_ONCE && !this.#isFailing;
      this.#timer = setTimeout(() => this.#begin(), isBehind ? 0 : this.#pauseMs);
    });
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.splice(0, MOST_AT_ONCE);
    try {
      await this.#post(batch);
      this.#exported += batch.length;
      this.#pauseMs = this.#everyMs;
      this.#tellHealth(undefined);
    } catch (error) {
      const isLost = error instanceof Refused || this.#waiting.length + batch.length > MOST_WAITING;
      if (isLost) this.#dropped += batch.length;
      else this.#waiting.unshift(...batch);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      this.#tellHealth(error as Error);
    }
  }

  /** @throws {Refused} when another attempt would fare no better */
  async #post(batch: readonly Span[]): Promise<void> {
    const { resource, version } = this.#options;
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: toOtlpJson(batch, resource, { name: 'skep', version }),
      redirect: 'manual',
      signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (response.ok) return;
    const message = `${this.#url} answers ${response.status}`;
    throw TRY_AGAIN.has(response.status) ? new Error(message) : new Refused(message);
  }

  #tellHealth(error: Error | undefined): void {
    if ((error !== undefined) === this.#isFailing) return;
    this.#isFailing = error !== undefined;
    this.#options.onHealth(error);
  }
}

/** The collector has understood, and does not want these spans. */
class Refused extends Error {}
