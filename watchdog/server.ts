import { listen } from '../http1/listener.ts';
import type { Exchange, Listener } from '../http1/types.ts';
import { type Authenticator, authenticate } from './authenticate.ts';
import { answer, type Call, type CallHandler } from './call.ts';
import { splitTarget } from './cgi-env.ts';
import { isClassic, type WatchdogConfig } from './config.ts';
import { changed, DerivedExchange } from './derived-exchange.ts';
import type { Health } from './health.ts';
import type { WatchdogMetrics } from './metrics.ts';
import { mostConnections } from './most-connections.ts';

/** The contract's largest request head. */
const HEAD_BYTES = 1_048_576;
const HEADER_COUNT = 1000;
/** Longer than a relay's patience with idle connections, so that the relay closes first. */
const IDLE_TIMEOUT_MS = 120_000;
const VERBS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'];

export interface ServerOptions {
  readonly config: WatchdogConfig;
  /** Address to listen on; undefined: every one. */
  readonly hostname?: string | undefined;
  /** In place of the configured one; 0: a free one. */
  readonly port?: number | undefined;
  readonly health: Health;
  readonly metrics: WatchdogMetrics;
  readonly handler: CallHandler;
  /** Undefined: every call is allowed. */
  readonly authenticator?: Authenticator | undefined;
}

/** Listens for invocations and health checks. @throws when the port is taken */
export function serve(options: ServerOptions): Listener {
  const { config, hostname, port = config.port, health, metrics, handler, authenticator } = options;
  let inFlight = 0;
  const { maxInflight, functionName, readTimeoutMs } = config;
  // The classic contract's. Who writes a head of its own can answer others: a browser's question before a call, for instance.
  const verbs = config.cgiResponse ? [...VERBS, 'HEAD', 'OPTIONS'] : VERBS;
  const allowed = isClassic(config.mode) ? new Set(verbs) : undefined;
  // The contracts differ: only of-watchdog's limit counts calls that turn out not to be allowed.
  const authenticatesFirst = isClassic(config.mode);
  const isFull = (): boolean => maxInflight > 0 && inFlight >= maxInflight;

  const invoke = (exchange: Exchange): void => {
    const call: Call = { exchange, startedAt: performance.now(), status: 499 };
    metrics.requestStarted();
    exchange.onFinished(() =>
      metrics.requestFinished(
        exchange.request.method,
        call.status,
        (performance.now() - call.startedAt) / 1000,
      ),
    );
    const meant = exchange.header('x-skep-function');
    if (meant !== undefined && functionName !== undefined && meant !== functionName) {
      const text = `This replica is ${functionName}, not ${meant}: nothing was run.\n`;
      answer(call, 421, ['Content-Type', 'text/plain', 'X-OpenFaaS-Internal', 'watchdog'], text);
      return;
    }
    if (authenticator !== undefined && authenticatesFirst)
      authenticate(call, authenticator, () => admit(call));
    else admit(call);
  };

  const admit = (call: Call): void => {
    const { exchange } = call;
    if (isFull()) {
      const text = `Concurrent request limit exceeded. Max concurrent requests: ${maxInflight}\n`;
      answer(call, 429, ['Content-Type', 'text/plain', 'X-OpenFaaS-Internal', 'faas-middleware'], text);
      return;
    }
    if (allowed?.has(exchange.request.method) === false) {
      answer(call, 405, ['Allow', verbs.join(', ')], '');
      return;
    }
    inFlight++;
    exchange.onFinished(() => inFlight--);
    if (authenticator !== undefined && !authenticatesFirst)
      authenticate(call, authenticator, () => handler(call));
    else handler(call);
  };

  /** The function itself is asked, past limit and authentication, where it has a path for it. */
  const checkReady = (exchange: Exchange): void => {
    if (exchange.request.method !== 'GET') exchange.respond({ status: 405, headers: ['Allow', 'GET'] });
    else if (!health.isHealthy) exchange.respond({ status: 503, headers: [] });
    else if (isFull()) exchange.respond({ status: 429, headers: [] });
    else if (config.readyPath === undefined) exchange.respond({ status: 200, headers: [] });
    else {
      const request = changed(exchange.request, { target: config.readyPath });
      handler({
        exchange: new DerivedExchange(exchange, request),
        startedAt: performance.now(),
        status: 499,
      });
    }
  };

  return listen({
    ...(hostname !== undefined && { hostname }),
    port,
    limits: {
      connections: mostConnections(config),
      headBytes: HEAD_BYTES,
      headerCount: HEADER_COUNT,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      ...(readTimeoutMs > 0 ? { headTimeoutMs: readTimeoutMs, bodyTimeoutMs: readTimeoutMs } : {}),
    },
    announceIdleTimeout: true,
    errorHeaders: ['X-OpenFaaS-Internal', 'watchdog'],
    onExchange: (exchange) => {
      const { path } = splitTarget(exchange.request.target);
      if (path === '/_/health') checkHealth(exchange, health);
      else if (path === '/_/ready') checkReady(exchange);
      else invoke(exchange);
    },
  });
}

function checkHealth(exchange: Exchange, health: Health): void {
  if (exchange.request.method !== 'GET') exchange.respond({ status: 405, headers: ['Allow', 'GET'] });
  else if (health.isHealthy) exchange.respond({ status: 200, headers: ['Content-Type', 'text/plain'] }, 'OK');
  else exchange.respond({ status: 503, headers: [] });
}
