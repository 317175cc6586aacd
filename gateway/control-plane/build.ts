import { PassThrough, type Readable } from 'node:stream';
import type { RouterMiddleware } from '@koa/router';
import type { BuildProgress } from '../../contract/function-types.ts';
import { FaasError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { progressLines } from './progress-lines.ts';
import type { RequestState } from './state.ts';

/**
 * Builds (and deploys, where asked to) from a tar. Resolves with the last progress, also that of a build that failed; its
 * `log` is the whole log, each line of which `onProgress` was told before.
 * @throws {FaasError} when the request itself is wrong: `invalid_request`, `body_too_large`
 */
export type RunBuild = (
  tar: Readable,
  options: { readonly onProgress: (progress: BuildProgress) => void; readonly signal: AbortSignal },
) => Promise<BuildProgress>;

const MOST_UNREAD_BYTES = 4 * 1024 * 1024;

/** POST /system/build: one JSON object when all is over, or one a line as it goes. A failed build is a 200, too. */
export function build(runBuild: RunBuild, logger: Logger): RouterMiddleware<RequestState> {
  let isBusy = false;
  return async (ctx) => {
    if (isBusy) {
      ctx.set('Retry-After', '10');
      throw new FaasError('builder_busy', 'another build is running: try again when it is over');
    }
    isBusy = true;
    const { signal, callId } = ctx.state;
    const lines = ctx.get('accept').toLowerCase().includes('application/x-ndjson')
      ? new PassThrough()
      : undefined;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const onProgress = (progress: BuildProgress): void => {
      // Of a client that does not read, no more than this is kept: it misses lines, and learns of the end.
      if (lines !== undefined && lines.writableLength < MOST_UNREAD_BYTES)
        lines.write(progressLines(progress));
      begin();
    };
    const done = runBuild(ctx.req, { onProgress, signal }).finally(() => {
      isBusy = false;
    });
    if (lines === undefined) {
      ctx.body = await done;
      return;
    }
    // Until the first line the request can still be refused with a status of its own.
    await Promise.race([begun, done]);
    ctx.type = 'application/x-ndjson';
    ctx.body = lines;
    done.then(
      (last) => lines.end(progressLines({ ...last, log: [] })),
      (error: unknown) => {
        if (!signal.aborted) logger.error('build broke off', { callId, error });
        const reason =
          error instanceof FaasError && error.expose ? error.message : 'the gateway failed: see its log';
        lines.end(progressLines({ log: [], image: '', status: 'failed', error: reason }));
      },
    );
  };
}
