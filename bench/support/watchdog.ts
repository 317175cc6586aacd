import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { type Started, start } from './processes.ts';

/** Ours, compiled. */
export const FWATCHDOG = new URL('../../dist/fwatchdog', import.meta.url).pathname;

/** Starts a watchdog, ours or a peer's, around one process. */
export async function startWatchdog(
  executable: string,
  { fprocess, cwd, env = {} }: { fprocess: string; cwd?: string; env?: Readonly<Record<string, string>> },
): Promise<Started> {
  const port = freePort();
  // Each keeps a lock file in its temporary folder: they must not share one.
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  const started = await start({
    command: executable,
    port,
    ...(cwd !== undefined && { cwd }),
    env: { fprocess, port: String(port), metrics_port: String(freePort()), TMPDIR: folder, ...env },
    readyPath: '/_/health',
  });
  return {
    ...started,
    stop: async () => {
      await started.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
