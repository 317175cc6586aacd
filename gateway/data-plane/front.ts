import { relay } from '../../http1/relay.ts';
import type { Exchange, UpstreamPool } from '../../http1/types.ts';
import { FaasError } from '../errors.ts';
import type { Invoker } from './invoke.ts';
import { refuse } from './refusal.ts';
import { route } from './route.ts';

export interface FrontOptions {
  readonly invoker: Invoker;
  readonly pool: UpstreamPool;
  /** Unix socket on which the control plane listens. */
  readonly controlSocket: string;
}

/** What client addresses and the like are called on the private socket; a client's own spelling of them is dropped. */
const CONTROL_OWN_HEADERS: ReadonlySet<string> = new Set(['x-skep-client']);

/** What the control plane's server can read; each is a label of its metrics. */
const CONTROL_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** For `OPTIONS *`, which asks what the server as a whole takes (RFC 9110 9.3.7). */
const ALLOW = ['Allow', [...CONTROL_METHODS].join(', ')];

/** Sends each request of the public listener to its plane. */
export function createFront({ invoker, pool, controlSocket }: FrontOptions): (exchange: Exchange) => void {
  const address = { unix: controlSocket };
  return (exchange) => {
    if (exchange.request.method === 'CONNECT') {
      refuse(exchange, new FaasError('method_not_allowed', 'CONNECT is not served here'));
      return;
    }
    const to = route(exchange.request.target);
    switch (to.plane) {
      case 'function':
        invoker.invoke(exchange, to.name, to.rest);
        return;
      case 'refused':
        if (exchange.request.target === '*') {
          exchange.respond({ status: 204, headers: ALLOW });
          return;
        }
        refuse(exchange, new FaasError('invalid_request', to.message));
        return;
      case 'control':
        if (!CONTROL_METHODS.has(exchange.request.method)) {
          refuse(
            exchange,
            new FaasError(
              'method_not_allowed',
              `${to.target.slice(0, 200)} does not answer ${exchange.request.method.slice(0, 50)}`,
            ),
          );
          return;
        }
        void relay(exchange, {
          pool,
          address,
          target: to.target,
          dropRequestHeaders: CONTROL_OWN_HEADERS,
          addRequestHeaders: ['X-Skep-Client', exchange.remoteAddress],
          allowUpgrade: false,
        }).then((outcome) => {
          if (outcome.kind === 'not_delivered' || (outcome.kind === 'failed' && !outcome.answered)) {
            refuse(
              exchange,
              new FaasError('provider_unavailable', 'the control plane does not answer: see the log'),
            );
          }
        });
    }
  };
}
