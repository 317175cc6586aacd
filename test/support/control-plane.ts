import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPair } from '../../contract/sealed-secrets.ts';
import { type ControlPlaneOptions, createControlPlane } from '../../gateway/control-plane/app.ts';
import { createHealthChecks } from '../../gateway/control-plane/health/health-checks.ts';
import { inNamespaces, Namespaces } from '../../gateway/functions/namespaces.ts';
import type { ApiRequest } from '../../gateway/metrics/metrics.ts';
import { AlertScaler } from '../../gateway/scaling/alerts.ts';
import { ReplicaScaler } from '../../gateway/scaling/apply.ts';
import { createFakeLogs, type FakeLogs } from './fake-logs.ts';
import { createFakeNamespaces } from './fake-namespaces.ts';
import { createFakeProvider, type FakeProvider } from './fake-provider.ts';
import { createFakeSecrets, type FakeSecrets } from './fake-secrets.ts';
import { createQuietLogger } from './quiet-logger.ts';

export const CREDENTIALS = { username: 'admin', password: 'pa:ss wörd' } as const;

export interface RunningControlPlane {
  readonly url: string;
  readonly provider: FakeProvider;
  readonly secrets: FakeSecrets;
  readonly logs: FakeLogs;
  readonly lines: readonly string[];
  readonly requests: readonly ApiRequest[];
  readonly options: ControlPlaneOptions;
  /** A request with the right credentials; an object becomes a JSON body. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/** The control plane over real HTTP, on a fake cluster that knows the secret `key`. */
export async function startControlPlane(
  changes: Partial<ControlPlaneOptions> = {},
): Promise<RunningControlPlane> {
  const provider = createFakeProvider({ secrets: ['key'] });
  const logs = createFakeLogs();
  const { logger, lines } = createQuietLogger();
  const requests: ApiRequest[] = [];
  const secrets = createFakeSecrets(provider);
  const defaultNamespace = 'openfaas-fn';
  const namespaces = new Namespaces({ store: createFakeNamespaces(), secrets, provider, defaultNamespace });
  const named = inNamespaces(provider, namespaces);
  const options: ControlPlaneOptions = {
    provider: named,
    secrets,
    namespaces,
    credentials: CREDENTIALS,
    counts: { read: async () => new Map() },
    usage: { read: async () => new Map() },
    alerts: new AlertScaler({
      scaler: new ReplicaScaler({ provider: named, logger }),
      logger,
      defaultNamespace,
    }),
    builds: {
      runBuild: async () => ({ log: [], image: 'none', status: 'success' }),
      mostBuilds: 1,
      limitBytes: 1024 * 1024,
      payloadSecret: 'pay-load',
      keyPair: generateKeyPair(),
    },
    logSource: logs,
    onRequest: (request) => void requests.push(request),
    logger,
    metricsPage: () => Promise.resolve('# what it counts\n'),
    health: createHealthChecks({
      needed: { engine: () => provider.ping(), swarm: () => provider.ping() },
      wanted: { nats: async () => 'not configured' },
      lastRead: () => new Date(),
      version: { release: '0.1.0', sha: 'abc' },
    }),
    version: { release: '0.1.0', sha: 'abc' },
    defaultNamespace,
    ...changes,
  };
  const server = createServer(createControlPlane(options).callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const authorization = basic(CREDENTIALS.username, CREDENTIALS.password);
  return {
    url,
    provider,
    secrets,
    logs,
    lines,
    requests,
    options,
    call: (method, path, body, headers) =>
      fetch(`${url}${path}`, {
        method,
        headers: { authorization, ...headers },
        redirect: 'manual',
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    close: () => closeServer(server),
  };
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
