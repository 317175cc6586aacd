import type { RouterContext } from '@koa/router';
import type { Middleware } from 'koa';
import type { ApiRequest } from '../../metrics/metrics.ts';

/** Reports each request once its answer is written. */
export function observe(report: (request: ApiRequest) => void): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    ctx.res.once('close', () => {
      const route = (ctx as unknown as Partial<RouterContext>)._matchedRoute;
      report({
        method: ctx.method,
        // Paths are the clients' to choose: as labels they would be without end.
        path: typeof route === 'string' ? route : 'other',
        status: ctx.status,
        seconds: (performance.now() - startedAt) / 1000,
      });
    });
    await next();
  };
}
