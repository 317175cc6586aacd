import { relay } from '../../http1/relay.ts';
import type { Exchange, UpstreamPool } from '../../http1/types.ts';
import { CLIENT_HEADER } from '../client-address.ts';
import { FaasError } from '../errors.ts';
import type { Acceptor } from './async/acceptor.ts';
import type { Invoker } from './invoke.ts';
import { refuse } from './refusal.ts';
import { type Route, route } from './route.ts';

export interface FrontOptions {
  readonly invoker: Invoker;
  /** Undefined: there is no queue. */
  readonly acceptor: Acceptor | undefined;
  readonly pool: UpstreamPool;
  /** Unix socket on which the control plane listens. */
  readonly controlSocket: string;
  /** Names and addresses that may be called, without a port; undefined: any. */
  readonly hosts?: readonly string[] | undefined;
}

/** What client addresses and the like are called on the private socket; a client's own spelling of them is dropped. */
const CONTROL_OWN_HEADERS: ReadonlySet<string> = new Set([CLIENT_HEADER]);

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

const NO_QUEUE = 'asynchronous calls need a queue: this gateway has no faas_nats_address';

/** Sends each request of the public listener to its plane. */
export function createFront({
  invoker,
  acceptor,
  pool,
  controlSocket,
  hosts,
}: FrontOptions): (exchange: Exchange) => void {
  const address = { unix: controlSocket };
  const toControl = (exchange: Exchange, target: string): void => {
    if (!CONTROL_METHODS.has(exchange.request.method)) {
      const { method } = exchange.request;
      refuse(
        exchange,
        new FaasError('method_not_allowed', `${target.slice(0, 200)} does not answer ${method.slice(0, 50)}`),
      );
      return;
    }
    void relay(exchange, {
      pool,
      address,
      target,
      dropRequestHeaders: CONTROL_OWN_HEADERS,
      addRequestHeaders: [CLIENT_HEADER, exchange.remoteAddress],
      allowUpgrade: false,
    }).then((outcome) => {
      if (outcome.kind === 'not_delivered' || (outcome.kind === 'failed' && !outcome.answered)) {
        refuse(
          exchange,
          new FaasError('provider_unavailable', 'the control plane does not answer: see the log'),
        );
      }
    });
  };
  const send = (exchange: Exchange, to: Route): void => {
    switch (to.plane) {
      case 'function':
        invoker.invoke(exchange, to.name, to.rest);
        return;
      case 'async':
        sendAsync(exchange, to);
        return;
      case 'refused':
        if (exchange.request.target === '*') {
          exchange.respond({ status: 204, headers: ALLOW });
          return;
        }
        refuse(exchange, new FaasError('invalid_request', to.message));
        return;
      case 'control':
        toControl(exchange, to.target);
    }
  };
  const sendAsync = (exchange: Exchange, to: Extract<Route, { plane: 'async' }>): void => {
    const { method } = exchange.request;
    if (method === 'DELETE') {
      send(exchange, to.delete);
      return;
    }
    if (method !== 'POST') {
      const message = 'a call that is run later is a POST; DELETE with its id cancels it';
      refuse(exchange, new FaasError('method_not_allowed', message), ['Allow', 'POST, DELETE']);
      return;
    }
    if (acceptor === undefined) refuse(exchange, new FaasError('async_disabled', NO_QUEUE));
    else if (to.post.plane === 'function') void acceptor.accept(exchange, to.post.name, to.post.rest);
    else send(exchange, to.post);
  };
  return (exchange) => {
    if (exchange.request.method === 'CONNECT') {
      refuse(exchange, new FaasError('method_not_allowed', 'CONNECT is not served here'));
      return;
    }
    if (hosts !== undefined && !hosts.includes(hostOf(exchange))) {
      refuse(
        exchange,
        new FaasError('host_not_allowed', `this gateway is called by ${hosts.join(', ')} alone`),
      );
      return;
    }
    send(exchange, route(exchange.request.target));
  };
}

/** As the client calls this gateway, without the port. */
function hostOf(exchange: Exchange): string {
  return (exchange.header('host') ?? '').replace(/:\d*$/, '').toLowerCase();
}
