import type { RouterMiddleware } from '@koa/router';
import type { Provider } from '../functions/provider.ts';
import type { RequestState } from './state.ts';

/** GET /system/namespaces: the default one and those that have functions. */
export function listNamespaces(
  provider: Pick<Provider, 'list'>,
  defaultNamespace: string,
): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const used = (await provider.list()).map(({ namespace }) => namespace);
    ctx.body = [...new Set([defaultNamespace, ...used])].sort();
  };
}
