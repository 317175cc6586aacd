import Router from '@koa/router';
import Koa from 'koa';
import type { VersionInfo } from '../../contract/function-types.ts';
import type { HealthReport } from '../../contract/health.ts';
import { FaasError } from '../errors.ts';
import type { LogSource } from '../functions/log-source.ts';
import type { Namespaces } from '../functions/namespaces.ts';
import type { Provider } from '../functions/provider.ts';
import type { SecretStore } from '../functions/secret-store.ts';
import type { Logger } from '../log.ts';
import type { UsageReadings } from '../metrics/function-usage.ts';
import type { InvocationCounts } from '../metrics/invocation-counts.ts';
import type { ApiRequest } from '../metrics/metrics.ts';
import type { CallBook } from '../queue/call-queue.ts';
import type { AlertScaler } from '../scaling/alerts.ts';
import { alert } from './alert.ts';
import { type BuildSettings, buildRoutes } from './build.ts';
import { addCallRoutes } from './calls/call-routes.ts';
import { createNamespace } from './create-namespace.ts';
import { createSecret } from './create-secret.ts';
import type { Credentials } from './credentials.ts';
import { deleteFunction } from './delete-function.ts';
import { deleteNamespace } from './delete-namespace.ts';
import { deleteSecret } from './delete-secret.ts';
import { deployFunction } from './deploy-function.ts';
import { readHealth } from './health/read-health.ts';
import { info } from './info.ts';
import { listFunctions } from './list-functions.ts';
import { listNamespaces } from './list-namespaces.ts';
import { listSecrets } from './list-secrets.ts';
import { logs } from './logs.ts';
import { authenticate } from './middleware/authenticate.ts';
import { callId } from './middleware/call-id.ts';
import { errors } from './middleware/errors.ts';
import { observe } from './middleware/observe.ts';
import { refuseCrossSite } from './middleware/refuse-cross-site.ts';
import { readOpenApi } from './openapi/read-openapi.ts';
import { readFunction } from './read-function.ts';
import { readMetrics } from './read-metrics.ts';
import { readNamespace } from './read-namespace.ts';
import { readStackSchema } from './read-stack-schema.ts';
import { scaleFunction } from './scale-function.ts';
import type { RequestState } from './state.ts';
import { updateNamespace } from './update-namespace.ts';
import { updateSecret } from './update-secret.ts';

export interface ControlPlaneOptions {
  readonly provider: Provider;
  readonly secrets: SecretStore;
  readonly namespaces: Namespaces;
  /** Who may use `/system` and `/ui`; `open`: everybody. */
  readonly credentials: Credentials | 'open';
  readonly counts: InvocationCounts;
  readonly usage: UsageReadings;
  readonly alerts: Pick<AlertScaler, 'handle'>;
  readonly builds: BuildSettings;
  readonly logSource: LogSource;
  readonly onRequest: (request: ApiRequest) => void;
  readonly logger: Logger;
  readonly version: VersionInfo;
  readonly defaultNamespace: string;
  /** False while the gateway stops: `/healthz` then answers 503. Default: always healthy. */
  readonly isHealthy?: () => boolean;
  /** What the gateway works with, for operators. Resolves always. */
  readonly health: () => Promise<HealthReport>;
  /** What this gateway counts, as Prometheus' text. */
  readonly metricsPage: () => Promise<string>;
  /** Asynchronous calls; absent: no NATS is configured. */
  readonly calls?: CallBook | undefined;
  /** Aborted when the gateway stops: answers without an end are ended then. */
  readonly stopping?: AbortSignal;
}

/** Everything the gateway answers beside invocations. */
export function createControlPlane(options: ControlPlaneOptions): Koa<RequestState> {
  const app = new Koa<RequestState>();
  const router = createRouter(options);
  // Errors of a broken connection: whatever else fails has been answered and logged by the middleware.
  app.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return; // a client left in the middle, as those who follow a log do
    options.logger.warn('connection failed', { reason: error.message });
  });
  app.use(callId());
  app.use(observe(options.onRequest));
  app.use(errors(options.logger));
  app.use(refuseCrossSite());
  app.use(authenticate(options.credentials));
  app.use(router.routes());
  app.use((ctx) => refuseUnrouted(router, ctx));
  return app;
}

/** The routes alone; exported for the test that asks each of them without credentials. */
export function createRouter(options: ControlPlaneOptions): Router<RequestState> {
  const { provider, namespaces, defaultNamespace, logger, version } = options;
  const builds = buildRoutes(options.builds, logger);
  // Sensitive and strict: no second spelling of a path, which a check made before could miss.
  const router = new Router<RequestState>({ sensitive: true, strict: true })
    .get('/system/functions', listFunctions(options))
    .post('/system/functions', deployFunction({ apply: (each) => provider.create(each), defaultNamespace }))
    .put('/system/functions', deployFunction({ apply: (each) => provider.update(each), defaultNamespace }))
    .delete('/system/functions', deleteFunction(provider, defaultNamespace))
    .get('/system/function/:name', readFunction(options))
    .post('/system/scale-function/:name', scaleFunction(provider, defaultNamespace))
    .post('/system/alert', alert(options.alerts))
    .get('/system/info', info(provider, version))
    .get('/system/health', readHealth(options.health))
    .get('/system/metrics', readMetrics(options.metricsPage))
    .get('/system/openapi.json', readOpenApi(version))
    .get('/system/namespaces', listNamespaces(namespaces))
    .post('/system/namespace/', createNamespace(namespaces))
    .get('/system/namespace/:name', readNamespace(namespaces))
    .post('/system/namespace/:name', createNamespace(namespaces))
    .put('/system/namespace/:name', updateNamespace(namespaces))
    .delete('/system/namespace/:name', deleteNamespace(namespaces))
    .get('/system/secrets', listSecrets(options))
    .post('/system/secrets', createSecret(options))
    .put('/system/secrets', updateSecret(options))
    .delete('/system/secrets', deleteSecret(options))
    .get('/system/logs', logs(options.logSource, options))
    .post('/system/build', builds.build)
    .post('/build', builds.signedBuild)
    .get('/publickey', builds.publicKey)
    .get('/schema/stack.json', readStackSchema())
    .get('/healthz', (ctx) => {
      if (options.isHealthy?.() === false) throw new FaasError('shutting_down', 'the gateway is stopping');
      ctx.body = 'OK';
    })
    .get('/', (ctx) => {
      ctx.body = `Skep ${version.release}: functions as a service for Docker Swarm.\nFunctions are called at /function/NAME, managed under /system.\n`;
    });
  return addCallRoutes(router, options);
}

function refuseUnrouted(router: Router<RequestState>, ctx: Koa.Context): never {
  const methods = new Set(router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods));
  if (methods.size === 0)
    throw new FaasError('route_not_found', `there is nothing at ${ctx.path.slice(0, 200)}`);
  const allowed = [...methods].join(', ');
  ctx.set('Allow', allowed);
  throw new FaasError(
    'method_not_allowed',
    `${ctx.path.slice(0, 200)} answers ${allowed}, not ${ctx.method}`,
  );
}
