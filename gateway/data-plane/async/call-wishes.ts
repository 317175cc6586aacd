import { parseDurationMs } from '../../../contract/duration.ts';
import { parseFollowers } from '../../../contract/parse-queue-annotations.ts';
import { fieldId } from '../../../http1/field-names.ts';
import type { Exchange } from '../../../http1/types.ts';
import { FaasError } from '../../errors.ts';

// Looked for in every call.
for (const name of ['x-callback-url', 'idempotency-key', 'x-skep-delay', 'x-skep-run-at', 'x-skep-then']) {
  fieldId(name);
}

/** What a client wants to become of its call, by headers. */
export interface CallWishes {
  /** `X-Call-Id` */
  readonly id?: string | undefined;
  /** `Idempotency-Key` */
  readonly key?: string | undefined;
  /** `X-Callback-Url`, as it is written */
  readonly callbackUrl?: string | undefined;
  /** `X-Skep-Delay` or `X-Skep-Run-At`: not before; milliseconds since 1970. */
  readonly runAt?: number | undefined;
  /** `X-Skep-Then`: functions in their order; none: not even those of the function's annotation. */
  readonly followers?: readonly string[] | undefined;
}

export interface WishLimits {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly maxDelayMs: number;
  /** Whether a host that a URL names is an internal one. */
  readonly isRefusedHost: (host: string) => boolean;
}

const LONGEST_URL = 4096;
const LONGEST_ID = 128;
const LONGEST_KEY = 255;
const LONGEST_QUOTED = 200;
/** A clock may be wrong, and a call be sent for a second time. What is longer past was not meant. */
const PAST_MS = 3_600_000;
const TIME = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** @throws {FaasError} `invalid_request` that names the header and what it may be */
export function parseWishes(exchange: Exchange, limits: WishLimits): CallWishes {
  const { now, maxDelayMs } = limits;
  const id = read(exchange, 'X-Call-Id', 'x-call-id', parseId);
  const key = read(exchange, 'Idempotency-Key', 'idempotency-key', parseKey);
  const delayMs = read(exchange, 'X-Skep-Delay', 'x-skep-delay', (text) => parseDelay(text, maxDelayMs));
  const at = read(exchange, 'X-Skep-Run-At', 'x-skep-run-at', (text) => parseTime(text, limits));
  if (id !== undefined && key !== undefined) {
    throw invalid('X-Call-Id and Idempotency-Key: expected one of them: a key is given its own call id');
  }
  if (delayMs !== undefined && at !== undefined) {
    throw invalid('X-Skep-Delay and X-Skep-Run-At: expected one of them');
  }
  const runAt = at ?? (delayMs === undefined ? undefined : now + delayMs);
  return {
    id,
    key,
    callbackUrl: read(exchange, 'X-Callback-Url', 'x-callback-url', (text) =>
      parseCallbackUrl(text, limits.isRefusedHost),
    ),
    runAt: runAt !== undefined && runAt > now ? runAt : undefined,
    followers: read(exchange, 'X-Skep-Then', 'x-skep-then', (text) =>
      text === '' ? [] : parseFollowers(text),
    ),
  };
}

function read<T>(
  exchange: Exchange,
  name: string,
  lowerCaseName: string,
  parse: (text: string) => T,
): T | undefined {
  const text = exchange.header(lowerCaseName);
  if (text === undefined) return undefined;
  const { headers } = exchange.request;
  const count = headers.filter((field, i) => i % 2 === 0 && field.toLowerCase() === lowerCaseName).length;
  if (count > 1) throw invalid(`${name}: expected it once, not ${count} times`);
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof FaasError) throw error;
    throw invalid(
      `${name}: ${(error as Error).message}, not ${JSON.stringify(text.slice(0, LONGEST_QUOTED))}`,
    );
  }
}

/** A schedule's tick has its id to itself: a function that passes its own on has its call get another one. */
const TICK = /^cron-.+-\d{8}T\d{6}Z$/;

/** An empty one is as absent, as it is for a call that is not asynchronous. */
function parseId(text: string): string | undefined {
  if (text === '' || TICK.test(text)) return undefined;
  if (text.length <= LONGEST_ID && /^[!-~]+$/.test(text)) return text;
  throw new Error(`expected at most ${LONGEST_ID} letters, digits and signs of ASCII, without blanks`);
}

function parseKey(text: string): string {
  if (text.length <= LONGEST_KEY && /^[ -~]+$/.test(text)) return text;
  throw new Error(`expected 1 to ${LONGEST_KEY} letters, digits and signs of ASCII`);
}

function parseDelay(text: string, maxDelayMs: number): number {
  const delayMs = parseDurationMs(text);
  if (delayMs > maxDelayMs) throw tooLate(maxDelayMs);
  return Math.ceil(delayMs);
}

function parseTime(text: string, { now, maxDelayMs }: WishLimits): number {
  const [, year, month, day] = TIME.exec(text) ?? [];
  const at = Date.parse(text);
  // A day that its month does not have is taken for one of the next month.
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (Number.isNaN(at) || day === undefined || Number(day) > daysOfMonth) {
    throw new Error('expected a time such as 2027-01-31T08:00:00Z, with its zone');
  }
  if (at < now - PAST_MS) throw new Error('expected a time that has not passed');
  if (at > now + maxDelayMs) throw tooLate(maxDelayMs);
  return at;
}

function tooLate(maxDelayMs: number): Error {
  return new Error(`expected at most ${maxDelayMs / 3_600_000} h from now (async_max_delay)`);
}

/** What it says is not quoted: path, query and user may be secret, and errors are logged. @returns it as it is written */
function parseCallbackUrl(text: string, isRefusedHost: WishLimits['isRefusedHost']): string {
  const url = text.length <= LONGEST_URL && /^[!-~]+$/.test(text) ? URL.parse(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(text)) {
    throw invalid(
      `X-Callback-Url: expected a URL such as https://example.com/done, at most ${LONGEST_URL} characters`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      'X-Callback-Url: expected a URL without user and password: whoever asks for the call is told it',
    );
  }
  if (isRefusedHost(url.hostname)) {
    const host = url.hostname.slice(0, LONGEST_QUOTED);
    throw invalid(
      `X-Callback-Url: expected an address outside of the platform, not ${host} (callback_allow has the exceptions)`,
    );
  }
  return text;
}

function invalid(message: string): FaasError {
  return new FaasError('invalid_request', message);
}
