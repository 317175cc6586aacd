import type { RouterMiddleware } from '@koa/router';
import { parseNamespaceRequest } from '../../contract/parse-namespace.ts';
import type { Namespaces } from '../functions/namespaces.ts';
import { readJson } from './read-json.ts';
import type { RequestState } from './state.ts';

/** PUT /system/namespace/:name: labels and annotations become those of the body. */
export function updateNamespace(namespaces: Pick<Namespaces, 'update'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    await namespaces.update(parseNamespaceRequest(await readJson(ctx.req), ctx.params['name'] ?? ''));
    ctx.status = 202;
    ctx.body = '';
  };
}
