import type { RouterMiddleware } from '@koa/router';
import { parseSecretRequest } from '../../contract/parse-secret.ts';
import { readSecretBody, type SecretRoutes, toSecretRef } from './secret-request.ts';
import type { RequestState } from './state.ts';

/** POST /system/secrets */
export function createSecret(routes: SecretRoutes): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const sent = parseSecretRequest(await readSecretBody(ctx.req));
    await routes.secrets.create(await toSecretRef(sent, ctx.query, routes), sent.value);
    ctx.status = 201;
    ctx.body = '';
  };
}
