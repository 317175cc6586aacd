import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IMAGE = 'skep-bench/idle';
const SOCKET = '/var/run/docker.sock';
/** What a watchdog still does after its first answer is over by then. */
const SETTLE_MS = 2_000;

/** Sums over all containers, in bytes. */
export interface MemoryBytes {
  /** Each page counted once, however many processes have it. */
  readonly proportional: number;
  /** Each page counted for every process that has it. */
  readonly resident: number;
  /** By the containers' cgroups, less file pages that nobody used lately. */
  readonly workingSet: number;
}

/** Containers cannot be started or looked into on this machine. */
export class NoContainers extends Error {}

/** Containers with a watchdog in each that nobody calls. */
export class IdleWatchdogs {
  readonly #containers: string[] = [];
  readonly #executable: string;

  constructor(executable: string) {
    this.#executable = executable;
  }

  /** Starts containers until there are as many. @throws {NoContainers} */
  async grow(count: number): Promise<void> {
    if (this.#containers.length === 0) this.#build();
    while (this.#containers.length < count) {
      this.#containers.push(docker('run', '--detach', '--network', 'none', IMAGE));
    }
    await Bun.sleep(SETTLE_MS);
  }

  /** @throws {NoContainers} where the memory of others may not be read */
  async memory(): Promise<MemoryBytes> {
    const sum = { proportional: 0, resident: 0, workingSet: 0 };
    for (const id of this.#containers) {
      const map = memoryMap(Number(docker('inspect', '--format', '{{.State.Pid}}', id)));
      sum.proportional += field(map, 'Pss');
      sum.resident += field(map, 'Rss');
      sum.workingSet += await workingSet(id);
    }
    return sum;
  }

  remove(): void {
    if (this.#containers.length === 0) return;
    docker('rm', '--force', ...this.#containers.splice(0));
    docker('image', 'rm', IMAGE);
  }

  #build(): void {
    const context = mkdtempSync(join(tmpdir(), 'skep-bench-'));
    try {
      copyFileSync(this.#executable, join(context, 'fwatchdog'));
      writeFileSync(
        join(context, 'Dockerfile'),
        'FROM debian:bookworm-slim\nCOPY fwatchdog /usr/bin/fwatchdog\nENV fprocess=cat\nCMD ["fwatchdog"]\n',
      );
      docker('build', '--quiet', '--tag', IMAGE, context);
    } finally {
      rmSync(context, { recursive: true });
    }
  }
}

function docker(...args: string[]): string {
  try {
    const env = { ...process.env, DOCKER_BUILDKIT: '0' };
    return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env }).trim();
  } catch (cause) {
    throw new NoContainers(`docker ${args[0]}: ${(cause as Error).message}`, { cause });
  }
}

function memoryMap(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  } catch (cause) {
    throw new NoContainers(`${(cause as Error).message} (root may read it)`, { cause });
  }
}

/** `Pss:   1234 kB` in bytes. */
function field(map: string, name: string): number {
  const [, kilobytes] = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(map) ?? [];
  if (kilobytes === undefined) throw new NoContainers(`the memory map has no ${name}`);
  return Number(kilobytes) * 1024;
}

/** As `docker stats` reckons it. */
async function workingSet(id: string): Promise<number> {
  const response = await fetch(`http://engine/containers/${id}/stats?stream=false&one-shot=true`, {
    unix: SOCKET,
  });
  const { memory_stats: memory } = (await response.json()) as {
    memory_stats: { usage: number; stats: Record<string, number> };
  };
  return memory.usage - (memory.stats['total_inactive_file'] ?? memory.stats['inactive_file'] ?? 0);
}
