import type { Middleware } from 'koa';
import { FaasError } from '../../errors.ts';
import { type Credentials, isAuthorized } from '../credentials.ts';

const PROTECTED = /^\/(?:system|ui)(?:\/|$)/i;
/** Whoever knows the random id of a call may cancel it; the id of a schedule's tick, or one that a client has made up, can be guessed. */
const GUESSABLE_CALL =
  /^\/async-function\/(?![0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$)/i;

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
