import type { RouterMiddleware } from '@koa/router';
import type { DeadCallList } from '../../../contract/call-status.ts';
import { FaasError } from '../../errors.ts';
import type { CallBook, DeadFilter } from '../../queue/call-queue.ts';
import type { RequestState } from '../state.ts';
import { bookOf, type CallRoutesOptions, shown } from './call-book.ts';
import { toDeadCall } from './call-status.ts';
import { parseFunction, parsePage, parseRate } from './parse-call-query.ts';

/** GET /system/dead-letters */
export function listDeadLetters(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const { letters, cursor } = await bookOf(options).listDead({
      function: parseFunction(ctx.query, options.defaultNamespace),
      ...parsePage(ctx.query),
    });
    ctx.body = {
      deadLetters: letters.map(toDeadCall),
      ...(cursor !== undefined && { cursor }),
    } satisfies DeadCallList;
  };
}

/** GET /system/dead-letters/:id */
export function readDeadLetter(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const id = ctx.params['id'] ?? '';
    const letter = await bookOf(options).readDead(id);
    if (letter === undefined) throw noLetter(id);
    ctx.body = toDeadCall(letter);
  };
}

/** POST /system/dead-letters/redrive, for all or those of `?function=`, and POST /system/dead-letters/:id/redrive */
export function redriveDeadLetters(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const book = bookOf(options);
    const perSecond = parseRate(ctx.query);
    const filter = await filterOf(book, ctx, options.defaultNamespace);
    ctx.status = 202;
    ctx.body = { redriven: await book.redrive(filter, perSecond) };
  };
}

/** DELETE /system/dead-letters, for all or those of `?function=`, and DELETE /system/dead-letters/:id */
export function purgeDeadLetters(options: CallRoutesOptions): RouterMiddleware<RequestState> {
  return async (ctx) => {
    const book = bookOf(options);
    ctx.body = { purged: await book.purgeDead(await filterOf(book, ctx, options.defaultNamespace)) };
  };
}

type Request = Pick<Parameters<RouterMiddleware<RequestState>>[0], 'params' | 'query'>;

/** @throws {FaasError} `call_not_found` when one is named that there is not */
async function filterOf(
  book: CallBook,
  { params, query }: Request,
  defaultNamespace: string,
): Promise<DeadFilter> {
  const { id } = params;
  const name = parseFunction(query, defaultNamespace);
  if (id === undefined) return { function: name };
  if ((await book.readDead(id)) === undefined) throw noLetter(id);
  return { id };
}

function noLetter(id: string): FaasError {
  return new FaasError('call_not_found', `there is no dead letter of the call ${shown(id)}`);
}
