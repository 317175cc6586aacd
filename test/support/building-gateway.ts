import type Docker from 'dockerode';
import { generateKeyPair } from '../../contract/sealed-secrets.ts';
import type { BuildDisk } from '../../gateway/build/free-space.ts';
import { RegistryLogins } from '../../gateway/build/registry-logins.ts';
import { runBuild } from '../../gateway/build/run-build.ts';
import { createEngineImageBuilder } from '../../gateway/swarm/engine-image-builder.ts';
import { type RunningControlPlane, startControlPlane } from './control-plane.ts';
import { createFakeProvider } from './fake-provider.ts';

export const PAYLOAD_SECRET = 'a payload secret';

export interface BuildingOptions {
  readonly docker: Docker;
  readonly logins?: RegistryLogins;
  readonly memoryBytes?: number;
  readonly timeoutMs?: number;
  readonly disk?: BuildDisk;
  readonly mostBuilds?: number;
}

/** The control plane, whose builds are those of a real engine; what they deploy goes to a cluster in memory. */
export function startBuildingGateway(options: BuildingOptions): Promise<RunningControlPlane> {
  const { docker, timeoutMs, disk } = options;
  const keys = {
    payloadSecret: PAYLOAD_SECRET,
    keyPair: generateKeyPair(),
    logins: options.logins ?? new RegistryLogins(),
  };
  const builder = createEngineImageBuilder({
    docker,
    logins: keys.logins,
    memoryBytes: options.memoryBytes ?? 0,
  });
  return startControlPlane({
    builds: {
      runBuild: (tar, given) =>
        runBuild(tar, {
          ...given,
          builder,
          provider: createFakeProvider(),
          keys,
          defaultNamespace: 'openfaas-fn',
          ...(timeoutMs !== undefined && { timeoutMs }),
          ...(disk !== undefined && { disk }),
        }),
      mostBuilds: options.mostBuilds ?? 2,
      limitBytes: 64 * 1024 * 1024,
      payloadSecret: keys.payloadSecret,
      keyPair: keys.keyPair,
    },
  });
}
