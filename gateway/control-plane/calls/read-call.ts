import type { RouterMiddleware } from '@koa/router';
import type { RequestState } from '../state.ts';
import { bookOf, type CallRoutesOptions, callNotFound } from './call-book.ts';
import { toCallStatus } from './call-status.ts';
import { parseWait } from './parse-call-query.ts';

/** GET /system/calls/:id: with `?wait=` once it has ended, or after that time, however it is then. */
export function readCall(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const id = ctx.params['id'] ?? '';
    const book = bookOf(options);
    const record = await book.read(id, {
      waitMs: parseWait(ctx.query),
      signal: endOf(ctx.state.signal, options.stopping),
    });
    if (record === undefined) throw callNotFound(id);
    const callback = record.callbackUrl === undefined ? undefined : await book.callback(id);
    // An earlier call of the same id may have left one.
    const isOwn = callback?.instance === record.instance;
    ctx.body = toCallStatus(record, isOwn ? callback : undefined);
  };
}

/** When nobody waits any more: the client has gone, or the gateway goes. */
export function endOf(client: AbortSignal, stopping: AbortSignal | undefined): AbortSignal {
  return stopping === undefined ? client : AbortSignal.any([client, stopping]);
}
