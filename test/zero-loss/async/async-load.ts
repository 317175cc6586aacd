import { Agent, request } from 'node:http';
import type { Accepted } from './verdict.ts';

export interface AsyncLoadOptions {
  /** Of the gateway. */
  readonly url: string;
  /** `name.namespace` of the function that is called, and of the one that a chain goes on with. */
  readonly functions: readonly [string, string];
  /** Absent: no call asks for a callback. */
  readonly callbackUrl?: string;
  readonly perSecond?: number;
}

interface Kind {
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly bytes?: number;
}

/** Of twenty calls, one after the other: most have nothing special. */
const PLAIN: Kind = { name: 'plain', path: '/slow/30' };
const KINDS: readonly Kind[] = [
  ...Array.from({ length: 10 }, () => PLAIN),
  { name: 'slow', path: '/slow/400' },
  { name: 'slow', path: '/slow/400' },
  { name: 'keyed' },
  { name: 'keyed' },
  { name: 'keyed' },
  { name: 'named' },
  { name: 'delayed', headers: { 'x-skep-delay': '2s' } },
  { name: 'chained' },
  { name: 'called back' },
  { name: 'long', bytes: 700_000 },
];
const MOST_IN_FLIGHT = 64;
const TICK_MS = 25;
const ANSWER_MS = 10_000;

/** Sends asynchronous calls, each with a body of its own, and remembers those that were accepted. What was refused is another call afterwards. */
export class AsyncLoad {
  readonly accepted: Accepted[] = [];
  /** How often, by what was answered. */
  readonly refusals = new Map<string, number>();
  /** Longest wait for a refusal. */
  slowestRefusalMs = 0;
  readonly #options: AsyncLoadOptions;
  readonly #agent = new Agent({ keepAlive: false });
  readonly #own = crypto.randomUUID().slice(0, 8);
  readonly #inFlight = new Set<Promise<void>>();
  readonly #timer: ReturnType<typeof setInterval>;
  #sent = 0;
  #due = 0;

  constructor(options: AsyncLoadOptions) {
    this.#options = options;
    const { perSecond = 100 } = options;
    this.#timer = setInterval(() => {
      this.#due = Math.min(this.#due + (perSecond * TICK_MS) / 1000, perSecond);
      while (this.#due >= 1 && this.#inFlight.size < MOST_IN_FLIGHT) {
        this.#due--;
        const call = this.#call(this.#sent++).finally(() => this.#inFlight.delete(call));
        this.#inFlight.add(call);
      }
    }, TICK_MS);
  }

  /** @throws {Error} after `withinMs` */
  async untilAccepted(count: number, withinMs = 120_000): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (this.accepted.length < count) {
      if (Date.now() > deadline)
        throw new Error(`${this.accepted.length} of ${count} accepted: ${this.refused()}`);
      await Bun.sleep(TICK_MS);
    }
  }

  /** Resolves when the last answer has come. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
  }

  refused(): string {
    return [...this.refusals].map(([answer, count]) => `${count} × ${answer}`).join(', ') || 'none refused';
  }

  async #call(number: number): Promise<void> {
    const kind = KINDS[number % KINDS.length] ?? PLAIN;
    // The key stands for the call: who did not hear the answer asks again, and it is one call all the same.
    const tries = kind.name === 'keyed' ? 100 : 1;
    const token = `${this.#own}-${number}`;
    for (let nth = 0; nth < tries; nth++) {
      if (await this.#send(token, kind)) return;
      await Bun.sleep(100);
    }
  }

  async #send(token: string, { name, headers = {}, path = '/', bytes = 0 }: Kind): Promise<boolean> {
    const [first, second] = this.#options.functions;
    const { callbackUrl } = this.#options;
    const isCalledBack = name === 'called back' && callbackUrl !== undefined;
    const sentAt = Date.now();
    const answer = await this.#post(
      `${this.#options.url}/async-function/${first}${path}`,
      bodyOf(token, bytes),
      {
        ...headers,
        ...(name === 'keyed' && { 'idempotency-key': token }),
        ...(name === 'named' && { 'x-call-id': `named-${token}` }),
        ...(name === 'chained' && { 'x-skep-then': second }),
        ...(isCalledBack && { 'x-callback-url': callbackUrl }),
      },
    );
    if (answer.kind === 'accepted') {
      const functions = name === 'chained' ? [first, second] : [first];
      this.accepted.push({ token, id: answer.id, kind: name, functions, isCalledBack });
      return true;
    }
    this.slowestRefusalMs = Math.max(this.slowestRefusalMs, Date.now() - sentAt);
    this.refusals.set(answer.reason, (this.refusals.get(answer.reason) ?? 0) + 1);
    return false;
  }

  /** Not `fetch`: nothing is to be sent twice. */
  #post(
    url: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<
    { readonly kind: 'accepted'; readonly id: string } | { readonly kind: 'refused'; readonly reason: string }
  > {
    return new Promise((resolve) => {
      const refuse = (reason: string): void => resolve({ kind: 'refused', reason });
      const signal = AbortSignal.timeout(ANSWER_MS);
      const outgoing = request(url, { method: 'POST', agent: this.#agent, signal, headers }, (response) => {
        const { statusCode = 0 } = response;
        const id = response.headers['x-call-id'];
        response.on('error', () => refuse('an answer that broke off'));
        response.on('aborted', () => refuse('an answer that broke off'));
        response.resume().on('end', () => {
          if (statusCode === 202 && typeof id === 'string') resolve({ kind: 'accepted', id });
          else refuse(`${statusCode} ${response.headers['x-skep-error'] ?? ''}`.trim());
        });
      });
      outgoing.on('error', ({ name, message }) => refuse(name === 'AbortError' ? 'no answer' : message));
      outgoing.setHeader('content-length', body.length);
      outgoing.end(body);
    });
  }
}

/** The token, how long the whole is, and what fills it. */
export function bodyOf(token: string, bytes = 0): string {
  const head = `${token} ${String(Math.max(bytes, 64)).padStart(8, '0')} `;
  return head.padEnd(Math.max(bytes, 64), 'x');
}
