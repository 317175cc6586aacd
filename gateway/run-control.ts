import { VERSION } from '../contract/version.ts';
import { loadBuildKeys } from './build/build-keys.ts';
import { loadConfig } from './config.ts';
import { loadCredentials } from './control-plane/credentials.ts';
import { createLogger } from './log.ts';
import { type Gateway, startGateway } from './start-gateway.ts';
import { connectEngine } from './swarm/connect-engine.ts';
import { createEngineImageBuilder } from './swarm/engine-image-builder.ts';
import { ownAddress } from './swarm/own-address.ts';
import { createSwarmLogs } from './swarm/swarm-logs.ts';
import { createSwarmNamespaces } from './swarm/swarm-namespaces.ts';
import { createSwarmProvider } from './swarm/swarm-provider.ts';
import { createSwarmSecrets } from './swarm/swarm-secrets.ts';
import { claimPort } from './workers/claim-port.ts';
import { stopOnSignals } from './workers/stop-on-signals.ts';
import { workerCommand } from './workers/worker-command.ts';

/** The control process on a real swarm. @throws {Error} when the gateway cannot start */
export async function runControl(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const logger = createLogger();
  const config = loadConfig(env);
  const credentials = config.basicAuth ? await loadCredentials(config.secretMountPath) : 'open';
  const buildKeys = await loadBuildKeys(config.secretMountPath);
  const docker = connectEngine(env);
  const defaultNamespace = config.functionNamespace;
  const port = claimPort('0.0.0.0', config.port);
  const signals = stopOnSignals(logger);
  const gateway: Gateway = await startGateway({
    config,
    port,
    logger,
    credentials,
    cluster: createSwarmProvider({
      docker,
      functionsNetwork: config.functionsNetwork,
      defaultNamespace,
      version: VERSION,
    }),
    secrets: createSwarmSecrets({ docker, defaultNamespace }),
    namespaces: createSwarmNamespaces({ docker }),
    builder: createEngineImageBuilder({
      docker,
      memoryBytes: config.buildMemoryBytes,
      logins: buildKeys.logins,
      onLeftover: (image, error) => logger.warn('an image that nobody uses is still there', { image, error }),
    }),
    buildKeys,
    logSource: createSwarmLogs({ docker, defaultNamespace }),
    metricsHost: async () =>
      config.platformNetwork === '' ? undefined : ownAddress(docker, config.platformNetwork),
    workerCommand: workerCommand(),
    onHopeless: (reason) => signals.fail(reason),
  });
  logger.info('listening', {
    port,
    metricsPort: gateway.metricsPort,
    workers: config.gatewayWorkers,
    ...VERSION,
  });
  signals.started(gateway);
}
