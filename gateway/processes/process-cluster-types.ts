import type { FunctionRef } from '../../contract/function-ref.ts';
import type { ImageBuilder } from '../build/image-builder.ts';
import type { LogLine, LogSource } from '../functions/log-source.ts';
import type { NamespaceStore } from '../functions/namespace-store.ts';
import type { Provider } from '../functions/provider.ts';
import type { SecretStore } from '../functions/secret-store.ts';
import type { Logger } from '../log.ts';
import type { RunnableSource } from './runnable.ts';

export interface ProcessClusterOptions {
  readonly sources: RunnableSource;
  /** Starts a watchdog, which is configured by its environment alone; e.g. `['/usr/local/bin/skep', '__watchdog']`. */
  readonly watchdogCommand: readonly string[];
  /** Where functions live when nobody says otherwise. */
  readonly defaultNamespace: string;
  /**
   * Private to this cluster, and made if it is not there: secrets and namespaces stay in it from one run to the next; what else is in
   * it is of one run. One cluster at a time has it.
   */
  readonly folder: string;
  /** Of this process: functions get of it what programs need to run, and nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Each line that a replica writes, as it comes; must not throw. Lines of `instance` '' tell what became of replicas. */
  readonly onLine?: (line: LogLine) => void;
}

/** Functions as watchdog processes on the loopback interface: no engine, no image, no root; no limits and no isolation. */
export interface ProcessCluster {
  readonly provider: Provider;
  readonly secrets: SecretStore;
  readonly namespaces: NamespaceStore;
  readonly logSource: LogSource;
  /** Says that there is no engine here which could build. */
  readonly builder: ImageBuilder;
  /** Ends every process: what is in flight may finish within `graceMs`. May be called more than once. */
  stop(graceMs?: number): Promise<void>;
  /** Of sources (`Runnable.folder`) that replicas run in, or may be started in without another deployment. */
  foldersInUse(): ReadonlySet<string>;
  /** Of the watchdogs of a function, for whoever looks after processes. */
  pidsOf(ref: FunctionRef): number[];
}
