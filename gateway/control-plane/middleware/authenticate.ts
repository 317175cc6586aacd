import type { Middleware } from 'koa';
import { FaasError } from '../../errors.ts';
import { type Credentials, isAuthorized } from '../credentials.ts';

const PROTECTED = /^\/(?:system|ui)(?:\/|$)/i;
/**
 * Whoever knows an id that the queue has made may cancel its call. The id of a schedule's tick, and one that a client has made up, can
 * be guessed, and one that a key stands for is told to whoever guesses the key.
 */
const GUESSABLE_CALL =
  /^\/async-function\/(?![0-9a-f]{8}-[0-9a-f]{4}-8[01][0-9a-f]{2}-80[0-9a-f]{2}-[0-9a-f]{12}$)/i;

/**
 * Basic auth over the whole `/system` and `/ui` tree, so that a new route there is closed until someone opens it, and over calls whose
 * ids are no secret.
 * @param credentials `open` asks nobody for anything
 */
export function authenticate(credentials: Credentials | 'open'): Middleware {
  return async (ctx, next) => {
    if (credentials !== 'open' && (PROTECTED.test(ctx.path) || GUESSABLE_CALL.test(ctx.path))) {
      if (!isAuthorized(ctx.get('authorization'), credentials)) {
        ctx.set('WWW-Authenticate', 'Basic realm="Restricted"');
        throw new FaasError('invalid_credentials', 'invalid credentials');
      }
    }
    await next();
  };
}
