import type { RouterMiddleware } from '@koa/router';
import { parseScaleRequest } from '../../contract/parse-requests.ts';
import type { Provider } from '../functions/provider.ts';
import { toFunctionRef } from './function-ref.ts';
import { readJson } from './read-json.ts';
import type { RequestState } from './state.ts';

/** POST /system/scale-function/:name: the name in the path wins over the body's `serviceName`. */
export function scaleFunction(
  provider: Pick<Provider, 'scale'>,
  defaultNamespace: string,
): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const { replicas, namespace: bodyNamespace } = parseScaleRequest(await readJson(ctx.req));
    const text = ctx.params['name'] ?? '';
    await provider.scale(
      toFunctionRef({ text, bodyNamespace, query: ctx.query, defaultNamespace }),
      replicas,
    );
    ctx.status = 202;
    ctx.body = '';
  };
}
