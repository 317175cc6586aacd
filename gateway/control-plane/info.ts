import type { RouterMiddleware } from '@koa/router';
import type { GatewayInfo, VersionInfo } from '../../contract/function-types.ts';
import type { Provider } from '../functions/provider.ts';
import type { RequestState } from './state.ts';

const ARCH_BY_NODE_NAME: Readonly<Record<string, string>> = { x64: 'x86_64' };

/** GET /system/info */
export function info(provider: Pick<Provider, 'info'>, version: VersionInfo): RouterMiddleware<RequestState> {
  return async (ctx) => {
    ctx.body = {
      provider: await provider.info(),
      version,
      arch: ARCH_BY_NODE_NAME[process.arch] ?? process.arch,
    } satisfies GatewayInfo;
  };
}
