import type { RouterMiddleware } from '@koa/router';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { Provider } from '../functions/provider.ts';
import type { InvocationCounts } from '../metrics/invocation-counts.ts';
import { queryNamespace } from './function-ref.ts';
import { type ReadUsageOptions, readUsage, wantsUsage } from './read-usage.ts';
import type { RequestState } from './state.ts';

export interface ListFunctionsOptions extends ReadUsageOptions {
  readonly provider: Pick<Provider, 'list'>;
  readonly counts: InvocationCounts;
  readonly defaultNamespace: string;
}

/** GET /system/functions?namespace=&usage= */
export function listFunctions(options: ListFunctionsOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const namespace = queryNamespace(ctx.query) ?? options.defaultNamespace;
    const isWithUsage = wantsUsage(ctx.query);
    const [functions, counts, usages] = await Promise.all([
      options.provider.list(namespace),
      readCounts(options, ctx.state),
      isWithUsage ? readUsage(options, { namespace }, ctx.state) : undefined,
    ]);
    ctx.body = functions.map((status) => {
      const key = qualifiedName(status);
      const invocationCount = counts.get(key);
      const usage = usages?.get(key);
      return { ...status, ...(invocationCount && { invocationCount }), ...(usage && { usage }) };
    });
  };
}

/** Without Prometheus the list is still a list. */
async function readCounts(
  { counts, logger }: ListFunctionsOptions,
  { callId, signal }: RequestState,
): Promise<ReadonlyMap<string, number>> {
  try {
    return await counts.read(signal);
  } catch (error) {
    logger.warn('listing without invocation counts: Prometheus can not be read', {
      callId,
      reason: (error as Error).message,
    });
    return new Map();
  }
}
