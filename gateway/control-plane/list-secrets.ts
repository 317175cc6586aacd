import type { RouterMiddleware } from '@koa/router';
import { type SecretRoutes, secretNamespace } from './secret-request.ts';
import type { RequestState } from './state.ts';

/** GET /system/secrets?namespace=: names, never values. */
export function listSecrets(routes: SecretRoutes): RouterMiddleware<RequestState> {
  return async (ctx) => {
    ctx.body = await routes.secrets.list(await secretNamespace(undefined, ctx.query, routes));
  };
}
