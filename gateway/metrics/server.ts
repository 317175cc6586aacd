import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const TIMEOUT_MS = 5000;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface MetricsServerOptions {
  /** Address to listen on; absent: every one. */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The metrics page, in Prometheus' text format. */
  readonly page: () => Promise<string>;
  /** Whether `/healthz` answers 200. Default: always. */
  readonly isHealthy?: () => boolean;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/metrics` and `/healthz` to the platform's own network. Rejects when the port can not be had. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      response.writeHead(500).end(`the metrics can not be read: ${(error as Error).message}`);
    });
  });
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: MetricsServerOptions,
): Promise<void> {
  const path = request.url?.split('?')[0];
  if (path !== '/metrics' && path !== '/healthz') {
    response.writeHead(404).end('not found: there are /metrics and /healthz');
  } else if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end(`${path} answers GET`);
  } else if (path === '/metrics') {
    const page = await options.page();
    response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(page);
  } else if (options.isHealthy?.() ?? true) {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('OK');
  } else {
    response.writeHead(503, { 'content-type': 'text/plain' }).end('the gateway is stopping');
  }
}
