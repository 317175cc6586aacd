import type { RouterMiddleware } from '@koa/router';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';
import { readJson } from './read-json.ts';
import type { RequestState } from './state.ts';

export interface DeployFunctionOptions {
  /** The provider's `create` (POST) or `update` (PUT). */
  readonly apply: (deployment: FunctionDeployment) => Promise<void>;
  readonly defaultNamespace: string;
}

/** POST and PUT /system/functions */
export function deployFunction(options: DeployFunctionOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const deployment = parseDeployment(await readJson(ctx.req));
    await options.apply({ ...deployment, namespace: deployment.namespace ?? options.defaultNamespace });
    ctx.status = 202; // never 201: clients take it for a failure
    ctx.body = '';
  };
}
