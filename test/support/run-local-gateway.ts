import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runnable } from '../../gateway/processes/runnable.ts';
import type { Platform } from './platform.ts';

const PROGRAM = join(import.meta.dirname, 'gateway-on-processes.ts');
const PASSWORD = 'of-the-test';

export interface LocalGateway extends Omit<Platform, 'exampleImage'> {
  readonly pid: number;
  /** Kills what is left of it, and removes its folder. */
  end(): Promise<void>;
}

/**
 * Starts a gateway whose functions are processes of this machine.
 * @param images what stands for each image
 * @throws {Error} when it does not start
 */
export async function runLocalGateway(
  images: Readonly<Record<string, Runnable>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<LocalGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-local-gateway-'));
  const started = Promise.withResolvers<number>();
  const child = Bun.spawn([process.execPath, PROGRAM], {
    env: {
      PATH: process.env['PATH'] ?? '',
      autoscaler: 'false',
      folder: join(folder, 'cluster'),
      images: JSON.stringify(images),
      password: PASSWORD,
      ...settings,
    },
    stdio: ['ignore', 'inherit', 'pipe'],
    ipc: ({ port }: { readonly port: number }) => started.resolve(port),
  });
  let log = '';
  void (async () => {
    for await (const bytes of child.stderr) log = `${log}${Buffer.from(bytes)}`.slice(-100_000);
  })();
  void child.exited.then(() => started.reject(new Error(`the gateway ended:\n${log}`)));
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await child.exited;
    clearTimeout(kill);
    rmSync(folder, { recursive: true, force: true });
  };
  let port: number;
  try {
    port = await started.promise;
  } catch (error) {
    await end();
    throw error;
  }
  const url = `http://127.0.0.1:${port}`;
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
  return {
    pid: child.pid,
    url,
    authorization,
    request: (path, { method = 'GET', json } = {}) =>
      fetch(`${url}${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        signal: AbortSignal.timeout(60_000),
      }),
    end,
  };
}
