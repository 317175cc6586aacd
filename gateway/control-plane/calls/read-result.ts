import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RouterMiddleware } from '@koa/router';
import { FaasError } from '../../errors.ts';
import { type CallHeaders, type CallRecord, ENDED } from '../../queue/call.ts';
import type { RequestState } from '../state.ts';
import { bookOf, type CallRoutesOptions, callNotFound, shown } from './call-book.ts';
import { parseWait } from './parse-call-query.ts';
import { endOf } from './read-call.ts';

/** Of one connection, or ours to say. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-call-id',
  'x-skep-call-status',
]);

/** GET /system/calls/:id/result: the function's answer as it was, its status included. `X-Skep-Call-Status` says that it is one. */
export function readResult(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const id = ctx.params['id'] ?? '';
    const book = bookOf(options);
    const record = await book.read(id, {
      waitMs: parseWait(ctx.query),
      signal: endOf(ctx.state.signal, options.stopping),
    });
    if (record === undefined) throw callNotFound(id);
    const { state } = record;
    if (!ENDED.has(state))
      throw new FaasError(
        'call_not_ended',
        `the call ${shown(id)} is ${state}: ask again, or with ?wait=30s`,
      );
    const found = await book.result(id);
    if (found === undefined) throw noResult(id, whyNone(record));
    const { result, body } = found;
    const { res } = ctx;
    ctx.respond = false; // Koa knows fewer statuses, and would change headers
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    res.writeHead(result.status, [
      ...passedOn(result.headers),
      'X-Call-Id',
      id,
      'X-Skep-Call-Status',
      state,
      ...(hasBody(result.status) ? ['Content-Length', String(result.bytes)] : []),
    ]);
    if (ctx.method === 'HEAD' || !hasBody(result.status)) res.end();
    else if (body instanceof Uint8Array) res.end(body);
    // What breaks off breaks the answer off: it has said how long it is.
    else await pipeline(Readable.fromWeb(body), res).catch(() => res.destroy());
  };
}

function hasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

function passedOn(headers: CallHeaders): string[] {
  return headers.filter((_, index) => !NOT_PASSED_ON.has((headers[index - (index % 2)] ?? '').toLowerCase()));
}

function whyNone({ result, reason, state }: CallRecord): string {
  if (result?.kept !== 'dropped') return reason ?? `it is ${state}`;
  const { status, bytes } = result;
  return `the function answered ${status}, and its ${bytes} bytes were not kept: they are more than result_limit_bytes of the queue worker, or could not be stored`;
}

function noResult(id: string, why: string): FaasError {
  return new FaasError('result_not_found', `there is no answer of the call ${shown(id)} (any more): ${why}`);
}
