import type { RouterMiddleware } from '@koa/router';
import { ContractError } from '../../contract/contract-error.ts';
import type { Namespaces } from '../functions/namespaces.ts';
import { readText } from './read-json.ts';
import type { RequestState } from './state.ts';

/** DELETE /system/namespace/:name?force=true */
export function deleteNamespace(namespaces: Pick<Namespaces, 'remove'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    // Clients send the namespace once more; the path has said which.
    await readText(ctx.req);
    await namespaces.remove(ctx.params['name'] ?? '', { force: parseForce(ctx.query['force']) });
    ctx.status = 202;
    ctx.body = '';
  };
}

function parseForce(value: string | string[] | undefined): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1') return true;
  throw new ContractError('force: expected true or false');
}
