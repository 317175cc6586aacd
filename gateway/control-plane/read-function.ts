import type { RouterMiddleware } from '@koa/router';
import type { Provider } from '../functions/provider.ts';
import { toFunctionRef } from './function-ref.ts';
import type { RequestState } from './state.ts';

/** GET /system/function/:name */
export function readFunction(
  provider: Pick<Provider, 'read'>,
  defaultNamespace: string,
): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const text = ctx.params['name'] ?? '';
    ctx.body = await provider.read(toFunctionRef({ text, query: ctx.query, defaultNamespace }));
  };
}
