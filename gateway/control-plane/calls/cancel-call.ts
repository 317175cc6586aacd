import type { RouterMiddleware } from '@koa/router';
import { FaasError } from '../../errors.ts';
import type { RequestState } from '../state.ts';
import { bookOf, type CallRoutesOptions, callNotFound, shown } from './call-book.ts';

/** DELETE /async-function/ID: open to whoever may call functions, and knows the id. */
export function cancelCall(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const id = ctx.params['name'] ?? '';
    const became = await bookOf(options).cancel(id);
    if (became === 'unknown') throw callNotFound(id);
    if (became === 'ended')
      throw new FaasError(
        'call_ended',
        `the call ${shown(id)} has ended already: there is nothing to cancel`,
      );
    ctx.status = 202;
    ctx.body = '';
  };
}
