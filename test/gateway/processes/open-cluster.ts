import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FunctionDeployment } from '../../../contract/function-types.ts';
import type { LogLine } from '../../../gateway/functions/log-source.ts';
import type { FunctionSnapshot, Replica } from '../../../gateway/functions/provider.ts';
import { createProcessCluster } from '../../../gateway/processes/create-process-cluster.ts';
import type {
  ProcessCluster,
  ProcessClusterOptions,
} from '../../../gateway/processes/process-cluster-types.ts';
import type { Runnable } from '../../../gateway/processes/runnable.ts';
import { WATCHDOG_COMMAND } from '../../provider-contract/open-processes.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

export const FIXTURES = join(import.meta.dirname, 'fixtures');
export const REF = { name: 'p', namespace: 'openfaas-fn' };

export interface OpenedCluster {
  readonly cluster: ProcessCluster;
  readonly folder: string;
  readonly lines: readonly LogLine[];
  /** What the one source of all functions gives from now on. */
  source: Partial<Runnable>;
  /** The function `p`, with what is given. */
  deployment(changes?: Partial<FunctionDeployment>): FunctionDeployment;
  /** Waits for `p` to be so. */
  until(what: string, isSo: (one: FunctionSnapshot) => boolean): Promise<FunctionSnapshot>;
  /** Waits until all desired replicas of `p`, and no other, have answered. */
  serving(): Promise<readonly Replica[]>;
  /** Waits for a line of the log. */
  logged(text: string): Promise<LogLine>;
}

const opened: (() => Promise<void>)[] = [];

/** For `afterEach`. */
export async function closeClusters(): Promise<void> {
  for (const close of opened.splice(0)) await close();
}

/** A cluster in a folder of its own; its functions run in the folder of fixtures. */
export function openCluster(options: Partial<ProcessClusterOptions> = {}): OpenedCluster {
  const folder = options.folder ?? join(mkdtempSync(join(tmpdir(), 'skep-processes-')), 'cluster');
  const lines: LogLine[] = [];
  const cluster = createProcessCluster({
    sources: {
      find: async () => ({ folder: FIXTURES, env: { fprocess: 'cat' }, version: '1', ...self.source }),
    },
    watchdogCommand: WATCHDOG_COMMAND,
    defaultNamespace: 'openfaas-fn',
    folder,
    environment: process.env,
    logger: createQuietLogger().logger,
    onLine: (line) => void lines.push(line),
    ...options,
  });
  opened.push(async () => {
    await cluster.stop(0);
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });
  const { provider } = cluster;
  const self: OpenedCluster = {
    cluster,
    folder,
    lines,
    source: {},
    deployment: (changes = {}) => ({ service: REF.name, image: 'any:1', ...changes }),
    until: async (what, isSo) => {
      let last: FunctionSnapshot | undefined;
      await seen(
        () => `${what}; last: ${JSON.stringify(last)}`,
        async () => {
          last = await provider.look(REF);
          return last !== undefined && isSo(last);
        },
      );
      if (last === undefined) throw new Error('no such function');
      return last;
    },
    serving: async () => {
      const { replicas } = await self.until('serving', ({ replicas, desired }) => {
        const isSettled = replicas.every(({ isRunning, isOutdated }) => isRunning && isOutdated !== true);
        return isSettled && replicas.length === desired;
      });
      await seen('done', async () => (await provider.read(REF)).rollout?.state === 'done');
      return replicas;
    },
    logged: async (text) => {
      await seen(`logged: ${text}`, async () => lines.some((line) => line.text.includes(text)));
      const line = lines.find((one) => one.text.includes(text));
      if (line === undefined) throw new Error(`not logged: ${text}`);
      return line;
    },
  };
  return self;
}

/** Calls a replica by itself. */
export async function call({ port }: Replica, body = '', path = '/'): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
  return response.text();
}

/** Waits until it is seen to hold. @throws after 20 s */
export async function seen(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never seen: ${typeof what === 'string' ? what : what()}`);
    await Bun.sleep(20);
  }
}
