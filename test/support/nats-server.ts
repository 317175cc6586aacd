import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookAtNats } from '../../gateway/nats/look-at-nats.ts';
import { freePort } from './free-port.ts';

/** A real nats-server of this test's own. */
export interface NatsServer {
  readonly host: string;
  readonly port: number;
  /** Ends it with `SIGKILL`. */
  kill(): Promise<void>;
  /** Starts it anew, on the same port; what was in memory is gone. */
  start(): Promise<void>;
  /** Stops and continues the process, whose connections stay. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface NatsServerOptions {
  /** Default true. */
  readonly jetStream?: boolean;
  /** Largest message, in bytes. */
  readonly maxPayload?: number;
  /** Where one was before; default: a free one. */
  readonly port?: number;
  /** Folder of its store, which it takes for as large as a gigabyte; default: one of its own, and as large as it is. */
  readonly storeFolder?: string;
}

/** @throws {Error} when there is none on this machine, or it does not start */
export async function startNats({
  jetStream = true,
  maxPayload = 1_048_576,
  port: wantedPort,
  storeFolder,
}: NatsServerOptions = {}): Promise<NatsServer> {
  const host = '127.0.0.1';
  const folder = mkdtempSync(join(tmpdir(), 'skep-nats-'));
  const port = wantedPort ?? freePort();
  const config = join(folder, 'nats.conf');
  const limit = storeFolder === undefined ? '' : 'max_file_store: 1G';
  const store = jetStream ? `jetstream {\nstore_dir: "${storeFolder ?? folder}"\n${limit}\n}` : '';
  writeFileSync(config, `host: "${host}"\nport: ${port}\nmax_payload: ${maxPayload}\n${store}\n`);
  let child: Bun.Subprocess | undefined;
  const start = async (): Promise<void> => {
    const server = Bun.spawn(['nats-server', '--config', config], { stdio: ['ignore', 'ignore', 'ignore'] });
    child = server;
    for (let tries = 0; ; tries++) {
      const error = await lookAtNats({ host, port }, AbortSignal.timeout(5000)).catch(
        (cause: Error) => cause,
      );
      if (!(error instanceof Error)) return;
      if (server.exitCode !== null || tries === 200) throw error;
      await Bun.sleep(50);
    }
  };
  const kill = async (): Promise<void> => {
    child?.kill('SIGKILL');
    await child?.exited;
  };
  await start();
  return {
    host,
    port,
    kill,
    start,
    pause: () => {
      child?.kill('SIGSTOP');
      // It may answer for a moment still.
      while (child !== undefined && !isStopped(child.pid)) Bun.sleepSync(1);
    },
    resume: () => child?.kill('SIGCONT'),
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether each of its threads is. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      return /\) [tTXZ] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
    } catch {
      return true; // it ended meanwhile
    }
  });
}
