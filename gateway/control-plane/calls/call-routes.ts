import type Router from '@koa/router';
import type { RequestState } from '../state.ts';
import type { CallRoutesOptions } from './call-book.ts';
import { cancelCall } from './cancel-call.ts';
import { listDeadLetters, purgeDeadLetters, readDeadLetter, redriveDeadLetters } from './dead-letters.ts';
import { listCalls } from './list-calls.ts';
import { readCall } from './read-call.ts';
import { readResult } from './read-result.ts';

/** Where asynchronous calls are told of. */
export function addCallRoutes(
  router: Router<RequestState>,
  options: CallRoutesOptions,
): Router<RequestState> {
  return (
    router
      .get('/system/calls', listCalls(options))
      .get('/system/calls/:id', readCall(options))
      .get('/system/calls/:id/result', readResult(options))
      // Beside POST, which names a function there.
      .delete('/async-function/:name', cancelCall(options))
      .get('/system/dead-letters', listDeadLetters(options))
      .delete('/system/dead-letters', purgeDeadLetters(options))
      .post('/system/dead-letters/redrive', redriveDeadLetters(options))
      .get('/system/dead-letters/:id', readDeadLetter(options))
      .delete('/system/dead-letters/:id', purgeDeadLetters(options))
      .post('/system/dead-letters/:id/redrive', redriveDeadLetters(options))
  );
}
