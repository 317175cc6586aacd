import type { RouterMiddleware } from '@koa/router';
import type { HealthReport } from '../../../contract/health.ts';
import type { RequestState } from '../state.ts';

/** GET /system/health: 503 when what the gateway cannot work without is missing; the report is the same then. */
export function readHealth(report: () => Promise<HealthReport>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const health = await report();
    ctx.status = health.status === 'down' ? 503 : 200;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = health;
  };
}
