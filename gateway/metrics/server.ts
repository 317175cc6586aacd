import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ReplicaMetrics } from './replica-metrics.ts';

const TIMEOUT_MS = 5000;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const REPLICA_PATH = /^\/replicas\/([A-Za-z0-9_-]{1,100})\/metrics$/;
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

export interface MetricsServerOptions {
  /** Address to listen on; absent: every one. */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The metrics page, in Prometheus' text format. */
  readonly page: () => Promise<string>;
  /** Whether `/healthz` answers 200. Default: always. */
  readonly isHealthy?: () => boolean;
  /** Served at `/replicas` and `/replicas/ID/metrics`. Default: there are none. */
  readonly replicas?: Pick<ReplicaMetrics, 'targets' | 'page'>;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/healthz` and the replicas' metrics to the platform's own network. Rejects when the port can not be had. */
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
  const path = request.url?.split('?')[0] ?? '';
  const [, replicaId] = REPLICA_PATH.exec(path) ?? [];
  if (replicaId === undefined && !['/metrics', '/healthz', '/replicas'].includes(path)) {
    response
      .writeHead(404)
      .end('not found: there are /metrics, /healthz, /replicas and /replicas/ID/metrics');
  } else if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end(`${path} answers GET`);
  } else if (path === '/metrics') {
    const page = await options.page();
    response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(page);
  } else if (path === '/replicas') {
    answerTargets(request, response, options);
  } else if (replicaId !== undefined) {
    await answerReplica(replicaId, response, options);
  } else if (options.isHealthy?.() ?? true) {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('OK');
  } else {
    response.writeHead(503, { 'content-type': 'text/plain' }).end('the gateway is stopping');
  }
}

/** The list that Prometheus' `http_sd_configs` reads. */
function answerTargets(
  request: IncomingMessage,
  response: ServerResponse,
  options: MetricsServerOptions,
): void {
  const { host = '' } = request.headers;
  if (!HOST.test(host)) {
    response.writeHead(400).end('the Host header must say where the replicas can be scraped: name:port');
    return;
  }
  const targets = options.replicas === undefined ? [] : options.replicas.targets(host);
  if (targets === undefined) response.writeHead(503).end('the cluster was not read yet');
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(targets));
}

async function answerReplica(
  id: string,
  response: ServerResponse,
  options: MetricsServerOptions,
): Promise<void> {
  const page = (await options.replicas?.page(id)) ?? { kind: 'unknown' };
  switch (page.kind) {
    case 'page':
      response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(page.text);
      break;
    case 'unknown':
      response.writeHead(404).end(`no replica ${id} runs: those that do are at /replicas`);
      break;
    case 'busy':
      response.writeHead(503, { 'retry-after': '1' }).end('too many replicas are asked right now');
      break;
  }
}
