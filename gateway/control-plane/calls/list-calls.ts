import type { RouterMiddleware } from '@koa/router';
import type { CallList } from '../../../contract/call-status.ts';
import type { RequestState } from '../state.ts';
import { bookOf, type CallRoutesOptions } from './call-book.ts';
import { toCallStatus } from './call-status.ts';
import { parseFunction, parsePage, parseState } from './parse-call-query.ts';

/** GET /system/calls */
export function listCalls(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const { calls, cursor } = await bookOf(options).list({
      function: parseFunction(ctx.query, options.defaultNamespace),
      state: parseState(ctx.query),
      ...parsePage(ctx.query),
    });
    ctx.body = {
      calls: calls.map((record) => toCallStatus(record)),
      ...(cursor !== undefined && { cursor }),
    } satisfies CallList;
  };
}
