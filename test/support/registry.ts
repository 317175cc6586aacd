import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { emptyFolder } from './cli.ts';

/** A registry of images on this machine; the engine takes a loopback address without TLS. */
export interface Registry {
  /** e.g. `127.0.0.1:34567` */
  readonly host: string;
  /** Tags of a repository such as `clients/hello`; none when it was never pushed. For a registry that serves everybody. */
  tags(repository: string): Promise<string[]>;
  stop(): Promise<void>;
}

/**
 * Starts Debian's docker-registry on a free port.
 * @param login whom alone it serves; absent: everybody
 * @throws {Error} with what it said when it does not listen
 */
export async function startRegistry(login?: { user: string; password: string }): Promise<Registry> {
  const folder = emptyFolder();
  const users = join(folder.path, 'users');
  if (login !== undefined) {
    const hash = await Bun.password.hash(login.password, { algorithm: 'bcrypt', cost: 4 });
    writeFileSync(users, `${login.user}:${hash}\n`);
  }
  const config = join(folder.path, 'registry.yml');
  const text = {
    version: 0.1,
    log: { level: 'info', formatter: 'json' },
    storage: { filesystem: { rootdirectory: join(folder.path, 'images') } },
    http: { addr: '127.0.0.1:0' },
    ...(login !== undefined && { auth: { htpasswd: { realm: 'test', path: users } } }),
  };
  writeFileSync(config, JSON.stringify(text)); // JSON is YAML
  const child = spawn('docker-registry', ['serve', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  const failed = once(child, 'error').then(([error]) => {
    throw error;
  });
  const host = await Promise.race([failed, listeningOn(child.stderr)]);
  // What it says later must be read, or it stalls.
  child.stderr.resume();
  return {
    host,
    tags: async (repository) => {
      const response = await fetch(`http://${host}/v2/${repository}/tags/list`);
      if (response.status === 404) return [];
      return ((await response.json()) as { tags: string[] | null }).tags ?? [];
    },
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      folder.remove();
    },
  };
}

async function listeningOn(stderr: NodeJS.ReadableStream): Promise<string> {
  const said: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    said.push(line);
    const [, host] = /listening on (127\.0\.0\.1:\d+)/.exec(line) ?? [];
    if (host !== undefined) return host;
  }
  throw new Error(`docker-registry ended without listening:\n${said.join('\n')}`);
}
