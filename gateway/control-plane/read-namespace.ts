import type { RouterMiddleware } from '@koa/router';
import type { Namespaces } from '../functions/namespaces.ts';
import type { RequestState } from './state.ts';

/** GET /system/namespace/:name */
export function readNamespace(namespaces: Pick<Namespaces, 'read'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    ctx.body = await namespaces.read(ctx.params['name'] ?? '');
  };
}
