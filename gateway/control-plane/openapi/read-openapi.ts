import type { RouterMiddleware } from '@koa/router';
import type { VersionInfo } from '../../../contract/function-types.ts';
import type { RequestState } from '../state.ts';
import { openApiDocument } from './document.ts';

/** GET /system/openapi.json */
export function readOpenApi(version: VersionInfo): RouterMiddleware<RequestState> {
  const text = JSON.stringify(openApiDocument(version));
  return (ctx) => {
    ctx.type = 'application/json; charset=utf-8';
    ctx.body = text;
  };
}
