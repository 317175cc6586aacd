import type { RouterMiddleware } from '@koa/router';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { Provider } from '../functions/provider.ts';
import type { Logger } from '../log.ts';
import type { InvocationCounts } from '../metrics/invocation-counts.ts';
import { queryNamespace } from './function-ref.ts';
import type { RequestState } from './state.ts';

export interface ListFunctionsOptions {
  readonly provider: Pick<Provider, 'list'>;
  readonly counts: InvocationCounts;
  readonly logger: Logger;
  readonly defaultNamespace: string;
}

/** GET /system/functions?namespace= */
export function listFunctions(options: ListFunctionsOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const namespace = queryNamespace(ctx.query) ?? options.defaultNamespace;
    const [functions, counts] = await Promise.all([
      options.provider.list(namespace),
      readCounts(options, ctx.state),
    ]);
    ctx.body = functions.map((status) => {
      const invocationCount = counts.get(qualifiedName(status));
      return invocationCount ? { ...status, invocationCount } : status;
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
