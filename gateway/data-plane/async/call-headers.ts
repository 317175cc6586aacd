import { passedOn, requestFilter } from '../../../http1/hop-by-hop.ts';
import type { Exchange } from '../../../http1/types.ts';
import { FaasError } from '../../errors.ts';
import { type CallHeaders, MOST_HEADER_BYTES } from '../../queue/call.ts';
import { hostOf } from '../call.ts';

/** Ours to say, or said to us: what is to become of the call. `Idempotency-Key` and `X-Callback-Url` are the function's to see. */
const DROPPED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'x-call-id',
  'x-start-time',
  'x-skep-delay',
  'x-skep-run-at',
  'x-skep-then',
  'x-skep-function',
]);
/** Bytes that one character of a stored header may take: those that are not printed are escaped. */
const BYTES_PER_CHARACTER = 6;

/** What the function will see of a request's headers, as long as it is no header of one connection. */
export function toCallHeaders(exchange: Exchange, startTime: string): CallHeaders {
  const { headers } = exchange.request;
  const passed = passedOn(headers, requestFilter(DROPPED, connectionOf(headers)));
  passed.push('X-Start-Time', startTime);
  if (exchange.header('x-forwarded-host') === undefined) passed.push('X-Forwarded-Host', hostOf(exchange));
  if (exchange.header('x-forwarded-for') === undefined)
    passed.push('X-Forwarded-For', exchange.remoteAddress);
  return passed;
}

/** All `Connection` values joined by commas. */
function connectionOf(headers: CallHeaders): string {
  let joined = '';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i];
    if (name?.length !== 10 || name.toLowerCase() !== 'connection') continue;
    joined = joined === '' ? (headers[i + 1] ?? '') : `${joined},${headers[i + 1]}`;
  }
  return joined;
}

/**
 * Whether there is room for what is told of a call beside its body.
 * @throws {FaasError} `invalid_request`
 */
export function checkFacts(headers: CallHeaders, others: readonly string[]): void {
  const facts = [...headers, ...others];
  let characters = 0;
  for (const text of facts) characters += text.length;
  // Each has quotes and a comma, too.
  if ((characters + facts.length) * BYTES_PER_CHARACTER <= MOST_HEADER_BYTES) return;
  const text = JSON.stringify(facts);
  const escaped = text.match(/[^ -~]/g)?.length ?? 0;
  const bytes = text.length + escaped * (BYTES_PER_CHARACTER - 1);
  if (bytes > MOST_HEADER_BYTES) {
    throw new FaasError(
      'invalid_request',
      `path and headers take ${bytes} bytes as they are stored with a call: they may take ${MOST_HEADER_BYTES}`,
    );
  }
}
