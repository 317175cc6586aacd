import type { RouterMiddleware } from '@koa/router';
import type { Namespaces } from '../functions/namespaces.ts';
import type { RequestState } from './state.ts';

/** GET /system/namespaces: the default one, those that were made, and those that have functions. */
export function listNamespaces(namespaces: Pick<Namespaces, 'names'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    ctx.body = await namespaces.names();
  };
}
