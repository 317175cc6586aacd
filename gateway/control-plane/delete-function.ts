import type { RouterMiddleware } from '@koa/router';
import { parseDeleteRequest } from '../../contract/parse-requests.ts';
import type { Provider } from '../functions/provider.ts';
import { toFunctionRef } from './function-ref.ts';
import { readJson } from './read-json.ts';
import type { RequestState } from './state.ts';

/** DELETE /system/functions */
export function deleteFunction(
  provider: Pick<Provider, 'remove'>,
  defaultNamespace: string,
): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const { functionName: text, namespace: bodyNamespace } = parseDeleteRequest(await readJson(ctx.req));
    await provider.remove(toFunctionRef({ text, bodyNamespace, query: ctx.query, defaultNamespace }));
    ctx.status = 202;
    ctx.body = '';
  };
}
