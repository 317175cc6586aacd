// Runs function/handler.ts for one request. The watchdog gives the request on stdin and in Http_* variables, and reads
// the answer from stdout: a CGI response head (cgi_response=true), an empty line, the body. With prefork=N it is started
// before its request, and waits (docs/prefork.md).
// What starts quickly is chosen with care: process.stdout and node:fs cost more than the rest of a small function, and
// Buffer, URLSearchParams and a thread that reads stdin are a tenth of a millisecond each: they wait until they are needed.
import handler from './function/handler.ts';
import type { FunctionContext, FunctionEvent, HeaderMap } from './function/skep.ts';

const env = process.env;
// It made the watchdog's executable a runtime; processes that the handler starts must not inherit it.
delete env['BUN_BE_BUN'];

// stdout carries the answer alone: whatever the handler or its packages print goes to stderr, the function's log. The
// build does the same to process.stdout (--define in build.sh): to redefine it here would cost 11 ms a request.
console.log = console.info = console.debug = console.error;

class BadRequest extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

class Context implements FunctionContext {
  #status: number | undefined;
  readonly #headers: HeaderMap = {};
  result: unknown;
  isDone = false;

  status(): number;
  status(code: number): this;
  status(code?: number): number | this {
    if (code === undefined) return this.#status ?? 200;
    if (!Number.isInteger(code) || code < 200 || code > 599) throw new RangeError(`status ${code} is not a code from 200 to 599`);
    this.#status = code;
    return this;
  }

  headers(): HeaderMap;
  headers(map: HeaderMap): this;
  headers(map?: HeaderMap): HeaderMap | this {
    if (map === undefined) return this.#headers;
    Object.assign(this.#headers, map);
    return this;
  }

  succeed(value?: unknown): void {
    if (this.isDone) return;
    this.isDone = true;
    this.result = value;
  }

  fail(error?: unknown): void {
    if (this.isDone) return;
    this.#status ??= 500;
    this.succeed(error instanceof Error ? error.message : (error ?? 'The function failed.'));
  }
}

function readHeaders(): Record<string, string> {
  const notHeaders = new Set(['Http_Method', 'Http_Query', 'Http_Path', 'Http_ContentLength']);
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(env)) {
    if (!key.startsWith('Http_') || notHeaders.has(key)) continue;
    headers[key.slice(5).replaceAll('_', '-').toLowerCase()] = value ?? '';
  }
  return headers;
}

function parseForm(text: string): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  for (const [key, value] of new URLSearchParams(text)) {
    const before = values.get(key);
    values.set(key, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(values);
}

/** `100kb`, `2mb` or a number of bytes; unset is no limit. */
function parseSize(text: string | undefined): number {
  if (!text) return Infinity;
  const [, amount, unit] = /^(\d+)\s*(b|kb|mb|gb)?$/i.exec(text) ?? [];
  if (amount === undefined) throw new Error(`"${text}" is not a size such as 100kb`);
  return Number(amount) * 1024 ** ['b', 'kb', 'mb', 'gb'].indexOf((unit ?? 'b').toLowerCase());
}

function parseBody(bytes: Uint8Array, contentType: string | undefined): unknown {
  const type = ((contentType || 'text/plain').split(';')[0] ?? '').trim().toLowerCase();
  const isRaw = env['RAW_BODY'] === 'true';
  const isJson = type === 'application/json' || type.endsWith('+json');
  const variable = isJson && !isRaw ? 'MAX_JSON_SIZE' : 'MAX_RAW_SIZE';
  if (bytes.length > parseSize(env[variable])) throw new BadRequest(413, `The body is larger than ${variable} allows.`);
  if (isRaw) return Buffer.from(bytes);
  const text = (): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  if (isJson) {
    if (bytes.length === 0) return {};
    try {
      return JSON.parse(text());
    } catch (error) {
      throw new BadRequest(400, `The body is not valid JSON: ${(error as Error).message}`);
    }
  }
  if (type === 'application/x-www-form-urlencoded') return parseForm(text());
  return type.startsWith('text/') ? text() : Buffer.from(bytes);
}

type Handler = (event: FunctionEvent, context: FunctionContext, callback?: (error: unknown, value?: unknown) => void) => unknown;

function call(run: Handler, event: FunctionEvent, context: FunctionContext): unknown {
  if (typeof run !== 'function') throw new TypeError('function/handler.ts must export a function (event, context) as its default');
  if (run.length < 3) return run(event, context);
  return new Promise((resolve, reject) => {
    const returned = run(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (returned instanceof Promise) returned.catch(reject);
  });
}

/** What JSON.stringify would write `{}` for, or its inner parts: maps and sets, generators, streams, a Response, functions. */
function isNoJson(value: {}): boolean {
  if (typeof value !== 'object') return typeof value === 'function' || typeof value === 'symbol';
  if (Array.isArray(value) || ('toJSON' in value && typeof value.toJSON === 'function')) return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value || 'arrayBuffer' in value;
}

function encodeBody(value: unknown): [body: string | Uint8Array, type: string | undefined] {
  if (value === undefined || value === null) return ['', undefined];
  if (ArrayBuffer.isView(value)) return [new Uint8Array(value.buffer, value.byteOffset, value.byteLength), 'application/octet-stream'];
  if (value instanceof ArrayBuffer) return [new Uint8Array(value), 'application/octet-stream'];
  if (isNoJson(value)) throw new TypeError(`the handler's answer is a ${value.constructor?.name}: text, bytes, objects and lists can be sent`);
  if (typeof value === 'object') return [JSON.stringify(value) ?? '', 'application/json'];
  return [String(value), 'text/plain; charset=utf-8'];
}

/** The watchdog frames the answer: these are its own. */
const FRAMING = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'proxy-connection']);

function encodeAnswer(status: number, headers: HeaderMap, value: unknown): string | Uint8Array {
  const [body, defaultType] = encodeBody(value);
  const lines = [`Status: ${status}`];
  let hasType = false;
  for (const [name, given] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || lower === 'status') throw new TypeError(`"${name}" is not a header name`);
    if (FRAMING.has(lower)) continue;
    hasType ||= lower === 'content-type';
    for (const text of Array.isArray(given) ? given : [given]) {
      if (/[\0-\x08\x0a-\x1f\x7f]/.test(String(text))) throw new TypeError(`the value of header ${name} has control characters`);
      lines.push(`${name}: ${text}`);
    }
  }
  if (!hasType && defaultType !== undefined) lines.push(`Content-Type: ${defaultType}`);
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  return typeof body === 'string' ? head + body : Buffer.concat([Buffer.from(head), body]);
}

/** Writes the answer and ends the process, whatever timers and connections the handler left open. */
async function finish(answer: string | Uint8Array): Promise<never> {
  await Bun.write(Bun.stdout, answer);
  process.exit(0);
}

function finishFailed(error: unknown): Promise<never> {
  if (isWaiting) {
    // It has no request to fail: the watchdog logs this, and tries again later.
    console.error(error);
    process.exit(1);
  }
  if (error instanceof BadRequest) return finish(encodeAnswer(error.status, {}, `${error.message}\n`));
  console.error(error);
  return finish(encodeAnswer(500, {}, 'The function failed; its log says why.\n'));
}

/** The watchdog hands over a body of this size as a file in memory: to map it needs no second thread, as reading does. */
const MAPPED_BYTES = 1_048_576;

let isWaiting = env['SKEP_PREFORK'] === '1';
let readStdin = (): Uint8Array | Promise<Uint8Array> => Bun.stdin.bytes();

/** A byte that is no UTF-8 comes as a lone surrogate: the value as `process.env` would show it had the bytes been there from the start. */
function asRead(value: string): string {
  if (value.isWellFormed()) return value;
  const toBytes = (character: string): Buffer => {
    const code = character.charCodeAt(0);
    return character.length === 1 && code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character);
  };
  return Buffer.concat(Array.from(value, toBytes)).toString();
}

/** With prefork=N: says that it waits, and takes over the environment of the request that it is given (docs/prefork.md). */
async function awaitRequest(): Promise<void> {
  const { closeSync, readFileSync, writeSync } = await import('node:fs');
  writeSync(4, '1\n');
  closeSync(4);
  const document = readFileSync(3, 'utf8');
  closeSync(3);
  if (document === '') process.exit(0); // the watchdog has ended
  delete env['SKEP_PREFORK'];
  const { environment } = JSON.parse(document) as { environment: Record<string, string> };
  for (const [name, value] of Object.entries(environment)) env[name] = asRead(value);
  readStdin = () => readFileSync(0); // a pipe by now, and node:fs is there
  isWaiting = false;
}

async function readBody(): Promise<Uint8Array> {
  const length = Number(env['Http_ContentLength'] ?? -1);
  if (length === 0) return new Uint8Array();
  if (length > 0 && length <= MAPPED_BYTES) {
    try {
      const mapped = Bun.mmap('/dev/stdin', { shared: false });
      if (mapped.length === length) return mapped;
    } catch {
      // A pipe: we were started before the body was there, or by somebody else than the watchdog.
    }
  }
  return readStdin();
}

async function main(): Promise<never> {
  if (isWaiting) await awaitRequest();
  const headers = readHeaders();
  const event: FunctionEvent = {
    body: parseBody(await readBody(), headers['content-type']),
    headers,
    method: env['Http_Method'] ?? 'GET',
    query: env['Http_Query'] ? parseForm(env['Http_Query']) : {},
    path: env['Http_Path'] ?? '/',
  };
  const context = new Context();
  const returned = await call(handler as Handler, event, context);
  if (!context.isDone) context.succeed(returned);
  return finish(encodeAnswer(context.status(), context.headers(), context.result));
}

process.on('uncaughtException', (error) => void finishFailed(error));
process.on('unhandledRejection', (error) => void finishFailed(error));
main().catch(finishFailed);
