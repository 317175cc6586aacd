import type { RouterMiddleware } from '@koa/router';
import { parseAlerts } from '../../contract/parse-alerts.ts';
import { FaasError } from '../errors.ts';
import type { AlertScaler } from '../scaling/alerts.ts';
import { readJson } from './read-json.ts';
import type { RequestState } from './state.ts';

/** Some 15,000 alerts as Alertmanager writes them. */
const LIMIT_BYTES = 8 * 1024 * 1024;

/** Lines of an answer: whoever has more that is wrong sees enough of it. */
const MOST_LINES = 20;

/** POST /system/alert: Alertmanager's webhook. It sends again what is not answered 200. */
export function alert(scaler: Pick<AlertScaler, 'handle'>): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const { failures, unreadable } = await scaler.handle(parseAlerts(await readJson(ctx.req, LIMIT_BYTES)));
    const lines = [...failures, ...unreadable];
    if (lines.length > 0) {
      const more = lines.length - MOST_LINES;
      throw new FaasError(
        failures.length > 0 ? 'alert_failed' : 'invalid_request',
        [...lines.slice(0, MOST_LINES), ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
      );
    }
    ctx.status = 200;
    ctx.body = '';
  };
}
