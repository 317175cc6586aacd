import type { RouterMiddleware } from '@koa/router';
import { parseAlerts } from '../../contract/parse-alerts.ts';
import { FaasError } from '../errors.ts';
import type { AlertScaler } from '../scaling/alerts.ts';
import { readJson } from './read-json.ts';
import type { RequestState } from './state.ts';

/** POST /system/alert: Alertmanager's webhook. It sends again what is answered 500, and drops what is answered 400. */
export function alert(scaler: Pick<AlertScaler, 'handle'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const failures = await scaler.handle(parseAlerts(await readJson(ctx.req)));
    if (failures.length > 0) {
      const code = failures.some(({ isTransient }) => isTransient) ? 'alert_failed' : 'invalid_request';
      throw new FaasError(code, failures.map(({ message }) => message).join('\n'));
    }
    ctx.status = 200;
    ctx.body = '';
  };
}
