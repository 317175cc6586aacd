import type { RouterMiddleware } from '@koa/router';
import { parseJson } from '../../contract/parse-json.ts';
import { parseNamespaceRequest } from '../../contract/parse-namespace.ts';
import type { Namespaces } from '../functions/namespaces.ts';
import { readText } from './read-json.ts';
import type { RequestState } from './state.ts';

/** POST /system/namespace/ with the name in the body, or /system/namespace/:name, where a body may be left out */
export function createNamespace(namespaces: Pick<Namespaces, 'create'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const text = await readText(ctx.req);
    const body = text === '' ? undefined : parseJson(text);
    await namespaces.create(parseNamespaceRequest(body, ctx.params['name'] ?? ''));
    ctx.status = 201;
    ctx.body = '';
  };
}
