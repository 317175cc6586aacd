import { createConnection, type Socket } from 'node:net';

/** One call that was not answered as it should be. */
export interface FailedCall {
  /** Its number; calls are numbered from 0 in the order in which they began. */
  readonly call: number;
  /** `refused`: no connection was made, nothing was sent; `not taken`: a fresh connection was closed before a byte came;
   *  `closed`: a kept-alive one was, or any inside the answer; `silent`: no answer within the limit;
   *  `status 502` and the like; `wrong answer`: another call's, or not all of it. */
  readonly kind: string;
  readonly detail: string;
  /** On the clock of `performance.now()`. */
  readonly beganMs: number;
  readonly endedMs: number;
}

export interface LoadReport {
  readonly sent: number;
  readonly ok: number;
  readonly failed: readonly FailedCall[];
  /** How many of those answered right were answered by which replica. */
  readonly answeredBy: ReadonlyMap<string, number>;
  /** Milliseconds. */
  readonly slowest: number;
}

export interface SteadyLoadOptions {
  /** Of the function made by `answeringImage`, e.g. `http://127.0.0.1:8080/function/echo`. */
  readonly url: string;
  /** Calls begun each second, whatever becomes of those before. Default 200. */
  readonly perSecond?: number;
  /** Longest wait for one answer. Default 30 s. */
  readonly limitMs?: number;
}

const TICK_MS = 5;
const SMALL_BODY = 300;
const LARGE_BODY = 70_000;
/** Connections that were not used for longer than this are closed, as many clients do. */
const IDLE_MS = 4000;

interface Call {
  readonly number: number;
  readonly path: string;
  readonly body: string;
  readonly keepsAlive: boolean;
  readonly beganMs: number;
}

/**
 * An open-loop load as real clients make it: calls begin at a constant rate, over kept-alive connections and some fresh ones, with and
 * without bodies, some of them slow. Nothing is ever sent twice. Every answer must repeat its own call.
 */
export class SteadyLoad {
  readonly #target: URL;
  readonly #perSecond: number;
  readonly #limitMs: number;
  readonly #beganMs = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #idle: { socket: Socket; sinceMs: number }[] = [];
  readonly #failed: FailedCall[] = [];
  readonly #answeredBy = new Map<string, number>();
  readonly #inFlight = new Set<Call>();
  #sent = 0;
  #ok = 0;
  #slowest = 0;
  #isStopped = false;
  #waiters: { isDone: () => boolean; resolve: () => void }[] = [];

  constructor({ url, perSecond = 200, limitMs = 30_000 }: SteadyLoadOptions) {
    this.#target = new URL(url);
    this.#perSecond = perSecond;
    this.#limitMs = limitMs;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get sent(): number {
    return this.#sent;
  }

  get ok(): number {
    return this.#ok;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Calls not answered so far, as far as they have failed already. */
  get failed(): readonly FailedCall[] {
    return this.#failed;
  }

  /** Resolves when so many replicas have answered since the beginning. */
  untilAnsweredBy(count: number): Promise<void> {
    return this.#until(() => this.#answeredBy.size >= count);
  }

  /** Resolves when so many calls have begun. */
  untilSent(count: number): Promise<void> {
    return this.#until(() => this.#sent >= count);
  }

  /** Begins no more calls, waits for those in flight, and tells what became of all. */
  async stop(): Promise<LoadReport> {
    this.#isStopped = true;
    await this.#until(() => this.#inFlight.size === 0);
    clearInterval(this.#timer);
    for (const { socket } of this.#idle) socket.destroy();
    return {
      sent: this.#sent,
      ok: this.#ok,
      failed: this.#failed,
      answeredBy: this.#answeredBy,
      slowest: Math.round(this.#slowest),
    };
  }

  #until(isDone: () => boolean): Promise<void> {
    return isDone() ? Promise.resolve() : new Promise((resolve) => this.#waiters.push({ isDone, resolve }));
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter(({ isDone, resolve }) => {
      if (!isDone()) return true;
      resolve();
      return false;
    });
  }

  #tick(): void {
    const now = performance.now();
    while (this.#idle[0] !== undefined && now - this.#idle[0].sinceMs > IDLE_MS)
      this.#idle.shift()?.socket.destroy();
    const due = Math.floor(((now - this.#beganMs) / 1000) * this.#perSecond);
    while (this.#sent < due && !this.#isStopped) this.#begin(this.#sent++, now);
    this.#wake();
  }

  #begin(number: number, beganMs: number): void {
    const path = `/${number % 10 === 3 ? 'slow' : 'quick'}/${number}`;
    const length = number % 40 === 7 ? LARGE_BODY : number % 3 === 0 ? SMALL_BODY : 0;
    const call: Call = {
      number,
      path,
      body: length === 0 ? '' : `${number} `.repeat(Math.ceil(length / `${number} `.length)),
      keepsAlive: number % 8 !== 5,
      beganMs,
    };
    this.#inFlight.add(call);
    let socket = call.keepsAlive ? this.#idle.pop()?.socket : undefined;
    const isReused = socket !== undefined;
    socket?.removeAllListeners();
    socket ??= createConnection({
      host: this.#target.hostname,
      port: Number(this.#target.port),
      noDelay: true,
    });
    this.#exchange(call, socket, isReused);
  }

  #exchange(call: Call, socket: Socket, isReused: boolean): void {
    let received: Buffer = Buffer.alloc(0);
    let isConnected = isReused;
    const settle = (failure?: Pick<FailedCall, 'kind' | 'detail'>): void => {
      if (!this.#inFlight.delete(call)) return;
      clearTimeout(limit);
      socket.removeAllListeners();
      socket.on('error', () => {}); // of no concern to this call any more
      const endedMs = performance.now();
      this.#slowest = Math.max(this.#slowest, endedMs - call.beganMs);
      if (failure === undefined) this.#ok++;
      else {
        socket.destroy();
        this.#failed.push({ call: call.number, beganMs: call.beganMs, endedMs, ...failure });
      }
      this.#wake();
    };
    const where = (): string =>
      `${isReused ? 'on a kept-alive connection' : 'on a fresh connection'}, ${received.length} bytes came`;
    const limit = setTimeout(() => settle({ kind: 'silent', detail: where() }), this.#limitMs);
    socket.on('connect', () => {
      isConnected = true;
    });
    const closedKind = (): string => (isReused || received.length > 0 ? 'closed' : 'not taken');
    socket.on('error', (error) =>
      settle({ kind: isConnected ? closedKind() : 'refused', detail: `${error.message}, ${where()}` }),
    );
    socket.on('close', () => settle({ kind: closedKind(), detail: where() }));
    socket.on('end', () => settle({ kind: closedKind(), detail: where() }));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const answer = readAnswer(received);
      if (answer === undefined) return;
      if (answer.status !== 200) {
        const detail = `${answer.head['x-skep-error'] ?? ''} ${answer.body.slice(0, 300).trim()}`.trim();
        settle({ kind: `status ${answer.status}`, detail });
        return;
      }
      const [replica = '', ...rest] = answer.body.split(' ');
      const said = rest.join(' ');
      if (said !== `${call.path}\n${call.body}`) {
        settle({
          kind: 'wrong answer',
          detail: `${call.path} was answered ${said.slice(0, 60)}…, ${said.length} characters`,
        });
        return;
      }
      this.#answeredBy.set(replica, (this.#answeredBy.get(replica) ?? 0) + 1);
      settle();
      this.#putBack(socket, call.keepsAlive && answer.head['connection'] !== 'close');
    });
    const lines = [
      `${call.body === '' ? 'GET' : 'POST'} ${this.#target.pathname}${call.path} HTTP/1.1`,
      `Host: ${this.#target.host}`,
      ...(call.body === '' ? [] : [`Content-Length: ${call.body.length}`, 'Content-Type: text/plain']),
      ...(call.keepsAlive ? [] : ['Connection: close']),
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n${call.body}`);
  }

  #putBack(socket: Socket, isOpen: boolean): void {
    if (!isOpen) {
      socket.end();
      return;
    }
    const idle = { socket, sinceMs: performance.now() };
    const forget = (): void => {
      const index = this.#idle.indexOf(idle);
      if (index !== -1) this.#idle.splice(index, 1);
      socket.destroy();
    };
    for (const event of ['end', 'close', 'data'] as const) socket.on(event, forget);
    this.#idle.push(idle);
  }
}

interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly head: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Undefined while it is not whole. One without a length is never whole: nothing would tell that it was cut off. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const head: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    head[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(statusLine.split(' ')[1]);
  const rest = bytes.subarray(end + 4);
  if (head['transfer-encoding'] === 'chunked') {
    const body = readChunks(rest);
    return body === undefined ? undefined : { status, head, body };
  }
  const length = Number(head['content-length'] ?? Number.POSITIVE_INFINITY);
  return rest.length < length ? undefined : { status, head, body: rest.toString('latin1') };
}

function readChunks(bytes: Buffer): string | undefined {
  let body = '';
  for (let position = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', position, lineEnd), 16);
    const dataEnd = lineEnd + 2 + size;
    if (dataEnd + 2 > bytes.length) return undefined;
    if (size === 0) return body;
    body += bytes.toString('latin1', lineEnd + 2, dataEnd);
    position = dataEnd + 2;
  }
}

/** What a failed expectation shows: counts by kind and the first of each. */
export function summary({ sent, ok, failed, answeredBy, slowest }: LoadReport): string {
  const kinds = Map.groupBy(failed, ({ kind }) => kind);
  const lines = [...kinds].map(([kind, calls]) => {
    const [first] = calls;
    const examples = calls.slice(0, 3).map(({ call, detail }) => `\n    call ${call}: ${detail}`);
    return `  ${calls.length} × ${first?.kind ?? kind}${examples.join('')}`;
  });
  const counts = `${sent} sent, ${ok} answered by ${answeredBy.size} replicas, ${failed.length} failed, slowest ${slowest} ms`;
  return [counts, ...lines].join('\n');
}
