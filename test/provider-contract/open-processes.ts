import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessCluster } from '../../gateway/processes/create-process-cluster.ts';
import type { ProcessCluster } from '../../gateway/processes/process-cluster-types.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';

/** The watchdog in this checkout's command line. */
export const WATCHDOG_COMMAND = [
  process.execPath,
  join(import.meta.dirname, '../../cli/main.ts'),
  '__watchdog',
];

/** A cluster of processes in which every image is `cat`; gone after `close`. */
export function openProcesses(): { readonly cluster: ProcessCluster; close(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'skep-processes-'));
  const cluster = createProcessCluster({
    sources: { find: async () => ({ folder, env: { fprocess: 'cat' }, version: '1' }) },
    watchdogCommand: WATCHDOG_COMMAND,
    defaultNamespace: 'openfaas-fn',
    folder: join(folder, 'cluster'),
    environment: process.env,
    logger: createQuietLogger().logger,
  });
  return {
    cluster,
    close: async () => {
      await cluster.stop(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
