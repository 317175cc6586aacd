import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { RequestState } from '../state.ts';

/** Anything longer or stranger would only spoil the log. */
const CALL_ID = /^[\x21-\x7e]{1,128}$/;

/** Gives each request its call id and a signal that tells when its client has gone. */
export function callId(): Middleware<RequestState> {
  return async (ctx, next) => {
    const given = ctx.get('x-call-id');
    const id = CALL_ID.test(given) ? given : randomUUID();
    const gone = new AbortController();
    ctx.state.callId = id;
    ctx.state.signal = gone.signal;
    ctx.set('X-Call-Id', id);
    ctx.res.once('close', () => {
      if (!ctx.res.writableFinished) gone.abort(new Error('the client went away'));
    });
    // A request that breaks off may say so after who read it has stopped listening: without any listener that would end the process.
    ctx.req.on('error', () => {});
    await next();
  };
}
