import type { Context, Middleware } from 'koa';
import { FaasError } from '../../errors.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses changes that a page of another site asks for: a browser sends the password it was once given along with them. What is no
 * browser sends none of the fields that tell of it.
 */
export function refuseCrossSite(): Middleware {
  return async (ctx, next) => {
    if (!SAFE_METHODS.has(ctx.method) && isCrossSite(ctx)) {
      throw new FaasError(
        'cross_site_request',
        'a web page of another site may not change anything here: use skep, faas-cli or curl, or a page of this gateway',
      );
    }
    await next();
  };
}

function isCrossSite(ctx: Context): boolean {
  const site = ctx.get('sec-fetch-site');
  if (site !== '') return site !== 'same-origin' && site !== 'none';
  const origin = ctx.get('origin');
  if (origin === '') return false;
  // A page cannot set the second, and a proxy before the gateway may have changed the first.
  const ownHosts = [ctx.get('host'), ctx.get('x-forwarded-host')].filter((host) => host !== '');
  return !ownHosts.includes(hostOf(origin));
}

/** Of an `Origin`; empty: of nobody, as of a sandboxed page. */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : '';
}
