import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionRef } from '../../contract/function-ref.ts';
import { removeDrafts } from './files.ts';
import { lockFolder } from './folder-lock.ts';
import { createLogSource } from './function-log.ts';
import { NO_IMAGE_BUILDER } from './no-image-builder.ts';
import type { ProcessCluster, ProcessClusterOptions } from './process-cluster-types.ts';
import { createProcessNamespaces } from './process-namespaces.ts';
import { createProcessProvider, type ProcessProvider } from './process-provider.ts';
import { ProcessSecrets } from './process-secrets.ts';

/** What is in flight when functions are stopped may take this long. */
const STOP_GRACE_MS = 5000;

/** @throws {Error} when the folder cannot be had: another cluster has it, or it cannot be written */
export function createProcessCluster(options: ProcessClusterOptions): ProcessCluster {
  const { folder } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  const runFolder = join(folder, 'run');
  rmSync(runFolder, { recursive: true, force: true }); // of a run that was killed
  removeDrafts(folder);
  mkdirSync(runFolder, { mode: 0o700 });
  const usersOf = (ref: FunctionRef): FunctionRef[] => functions.usersOf(ref);
  const secrets = new ProcessSecrets(join(folder, 'secrets'), usersOf);
  const functions: ProcessProvider = createProcessProvider({ ...options, secrets, runFolder });
  let stopped: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    await functions.stop(graceMs);
    rmSync(runFolder, { recursive: true, force: true });
    unlock();
  };
  return {
    provider: functions.provider,
    secrets,
    namespaces: createProcessNamespaces(folder),
    logSource: createLogSource(functions.logOf),
    builder: NO_IMAGE_BUILDER,
    stop: (graceMs = STOP_GRACE_MS) => {
      stopped ??= stop(graceMs);
      return stopped;
    },
    foldersInUse: functions.foldersInUse,
    pidsOf: functions.pidsOf,
  };
}
