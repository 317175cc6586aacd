import type { RouterMiddleware } from '@koa/router';
import { STACK_FILE_SCHEMA } from '../../contract/stack-file-schema.ts';
import type { RequestState } from './state.ts';

/** GET /schema/stack.json: open to everybody, since editors that ask for it have no credentials. */
export function readStackSchema(): RouterMiddleware<RequestState> {
  const text = JSON.stringify(STACK_FILE_SCHEMA);
  return (ctx) => {
    ctx.type = 'application/schema+json; charset=utf-8';
    // Editors in a browser ask from a page of their own.
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cache-Control', 'max-age=3600');
    ctx.body = text;
  };
}
