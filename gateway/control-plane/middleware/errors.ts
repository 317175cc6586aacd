import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { ContractError } from '../../../contract/contract-error.ts';
import { FaasError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { RequestState } from '../state.ts';

/** The one place where an error becomes a response: plain text, and its code in `X-Skep-Error`. */
export function errors(logger: Logger): Middleware<RequestState> {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const failure = toFaasError(error);
      const { callId, signal } = ctx.state;
      if (failure.status >= 500 && !signal.aborted) {
        logger.error('request failed', {
          callId,
          method: ctx.method,
          path: ctx.path,
          code: failure.code,
          error,
        });
      }
      ctx.status = failure.status;
      ctx.set('X-Skep-Error', failure.code);
      ctx.set('X-OpenFaaS-Internal', 'gateway');
      if (failure.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(failure.retryAfterSeconds));
      ctx.type = 'text/plain; charset=utf-8';
      const told = failure.expose
        ? failure.message
        : `the gateway failed: its log has the reason, call id ${callId}`;
      ctx.body = `${told}\n`;
      // What was not read of the body would be taken for the next request.
      if (hasBody(ctx.req) && !ctx.req.readableEnded) ctx.set('Connection', 'close');
    }
  };
}

function toFaasError(error: unknown): FaasError {
  if (error instanceof FaasError) return error;
  if (error instanceof ContractError)
    return new FaasError('invalid_request', error.message, { cause: error });
  return new FaasError('internal_error', 'unexpected', { cause: error });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
