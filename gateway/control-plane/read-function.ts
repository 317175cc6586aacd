import type { RouterMiddleware } from '@koa/router';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { Provider } from '../functions/provider.ts';
import { toFunctionRef } from './function-ref.ts';
import { type ReadUsageOptions, readUsage, wantsUsage } from './read-usage.ts';
import type { RequestState } from './state.ts';

export interface ReadFunctionOptions extends ReadUsageOptions {
  readonly provider: Pick<Provider, 'read'>;
  readonly defaultNamespace: string;
}

/** GET /system/function/:name?usage= */
export function readFunction(options: ReadFunctionOptions): RouterMiddleware<RequestState> {
  const { provider, defaultNamespace } = options;
  return async (ctx) => {
    const text = ctx.params['name'] ?? '';
    const ref = toFunctionRef({ text, query: ctx.query, defaultNamespace });
    const isWithUsage = wantsUsage(ctx.query);
    const [status, usages] = await Promise.all([
      provider.read(ref),
      isWithUsage ? readUsage(options, ref, ctx.state) : undefined,
    ]);
    const usage = usages?.get(qualifiedName(ref));
    ctx.body = usage === undefined ? status : { ...status, usage };
  };
}
