import { statfs } from 'node:fs/promises';
import type { BuildKeys } from './build/build-keys.ts';
import type { ImageBuilder } from './build/image-builder.ts';
import { runBuild } from './build/run-build.ts';
import type { GatewayConfig } from './config.ts';
import type { BuildSettings } from './control-plane/build.ts';
import type { Provider } from './functions/provider.ts';
import type { BuildMetrics } from './metrics/build-metrics.ts';

export interface BuildParts {
  readonly config: GatewayConfig;
  readonly builder: ImageBuilder;
  readonly keys: BuildKeys;
  readonly provider: Provider;
  readonly metrics: BuildMetrics;
  /** Aborts with a FaasError when the gateway ends, and there is no more time to wait for builds. */
  readonly stopping: AbortSignal;
}

/** Builds as the configuration has them, counted. */
export function createBuilds({
  config,
  builder,
  keys,
  provider,
  metrics,
  stopping,
}: BuildParts): BuildSettings {
  const disk = { freeBytes: freeBytesHere, floorBytes: config.buildFreeSpaceBytes };
  const limits = {
    bytes: config.buildLimitBytes,
    unpackedBytes: config.buildUnpackedLimitBytes,
    fileBytes: config.buildFileLimitBytes,
  };
  return {
    runBuild: (tar, options) =>
      metrics.during(
        () =>
          runBuild(tar, {
            ...options,
            builder,
            provider,
            limits,
            disk,
            keys,
            defaultNamespace: config.functionNamespace,
            timeoutMs: config.buildTimeoutMs,
            stopping,
          }),
        options.signal,
      ),
    mostBuilds: config.buildMaxInflight,
    limitBytes: config.buildLimitBytes,
    arrivals: { longestMs: config.buildTimeoutMs },
    stopping,
    disk,
    payloadSecret: keys.payloadSecret,
    keyPair: keys.keyPair,
  };
}

/** Of the disk that this process lies on: in a container, that of its engine. */
async function freeBytesHere(): Promise<number> {
  const { bavail, bsize } = await statfs('/');
  return bavail * bsize;
}
