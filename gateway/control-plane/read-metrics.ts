import type { RouterMiddleware } from '@koa/router';
import type { RequestState } from './state.ts';

/** GET /system/metrics: the page that Prometheus reads on the platform's own network, for who has a login. */
export function readMetrics(page: () => Promise<string>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    ctx.body = await page();
    ctx.set('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    ctx.set('Cache-Control', 'no-store');
  };
}
