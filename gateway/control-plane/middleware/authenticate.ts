import type { Middleware } from 'koa';
import { FaasError } from '../../errors.ts';
import { type Credentials, isAuthorized } from '../credentials.ts';

const PROTECTED = /^\/(?:system|ui)(?:\/|$)/i;

/**
 * Basic auth over the whole `/system` and `/ui` tree, so that a new route there is closed until someone opens it.
 * @param credentials `open` asks nobody for anything
 */
export function authenticate(credentials: Credentials | 'open'): Middleware {
  return async (ctx, next) => {
    if (credentials !== 'open' && PROTECTED.test(ctx.path)) {
      if (!isAuthorized(ctx.get('authorization'), credentials)) {
        ctx.set('WWW-Authenticate', 'Basic realm="Restricted"');
        throw new FaasError('invalid_credentials', 'invalid credentials');
      }
    }
    await next();
  };
}
