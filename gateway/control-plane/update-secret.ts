import type { RouterMiddleware } from '@koa/router';
import { parseSecretRequest } from '../../contract/parse-secret.ts';
import { readSecretBody, type SecretRoutes, toSecretRef } from './secret-request.ts';
import type { RequestState } from './state.ts';

/** PUT /system/secrets */
export function updateSecret(routes: SecretRoutes): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const sent = parseSecretRequest(await readSecretBody(ctx.req));
    await routes.secrets.update(await toSecretRef(sent, ctx.query, routes), sent.value);
    ctx.status = 200; // never 201: clients take it for a failure
    ctx.body = '';
  };
}
