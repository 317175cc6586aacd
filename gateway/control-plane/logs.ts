import { Readable } from 'node:stream';
import type { RouterMiddleware } from '@koa/router';
import { FaasError } from '../errors.ts';
import type { LogLine, LogSource } from '../functions/log-source.ts';
import type { Logger } from '../log.ts';
import { parseLogRequest } from './parse-log-request.ts';
import type { RequestState } from './state.ts';

/** Each reader holds a connection to the cluster, and those are not without end. */
const MOST_READERS = 100;

export interface LogsOptions {
  readonly defaultNamespace: string;
  readonly logger: Logger;
  /** Ends what is followed; clients that follow ask again. */
  readonly stopping?: AbortSignal;
}

/**
 * GET /system/logs: one JSON object a line, as they come. Without a time limit of its own: ends with the log, the client,
 * the function or the gateway. A log that breaks off breaks the answer off, so that nobody takes it for whole.
 */
export function logs(source: LogSource, options: LogsOptions): RouterMiddleware<RequestState> {
  let readers = 0;
  return async (ctx) => {
    const request = parseLogRequest(ctx.query, options.defaultNamespace);
    if (readers >= MOST_READERS)
      throw new FaasError('too_many_log_readers', `${MOST_READERS} clients read logs already`);
    ctx.state.signal.throwIfAborted();
    readers += 1;
    const over = new AbortController();
    ctx.res.setMaxListeners(20); // with those of the pipeline there are eleven, and no more: not the leak that Node warns of
    ctx.res.once('close', () => {
      readers -= 1;
      over.abort();
    });
    const signal = AbortSignal.any([over.signal, ...(options.stopping ? [options.stopping] : [])]);
    const lines = await source.open(request, signal);
    ctx.status = 200;
    ctx.type = 'application/x-ndjson';
    const body = Readable.from(toNdjson(lines), { objectMode: false });
    body.once('error', (error) => {
      if (!signal.aborted)
        options.logger.error('log broke off', {
          callId: ctx.state.callId,
          function: request.ref.name,
          error,
        });
      ctx.res.destroy();
    });
    ctx.body = body;
    ctx.flushHeaders(); // before the first line, which may be long in coming
  };
}

async function* toNdjson(lines: AsyncIterable<LogLine>): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
}
