import type { RouterMiddleware } from '@koa/router';
import { parseSecretName } from '../../contract/parse-secret.ts';
import { readSecretBody, type SecretRoutes, toSecretRef } from './secret-request.ts';
import type { RequestState } from './state.ts';

/** DELETE /system/secrets */
export function deleteSecret(routes: SecretRoutes): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const sent = parseSecretName(await readSecretBody(ctx.req));
    await routes.secrets.remove(await toSecretRef(sent, ctx.query, routes));
    ctx.status = 202; // never 204: clients take it for a failure
    ctx.body = '';
  };
}
