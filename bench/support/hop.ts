import { freePort } from '../../test/support/free-port.ts';
import { type Started, start } from './processes.ts';

/** An upstream, and a gateway's data plane in front of it. */
export interface Hop {
  readonly upstream: Started;
  readonly upstreamPort: number;
  /** Its function is at `/function/echo`. */
  readonly gateway: Started;
  stop(): Promise<void>;
}

/** @param upstreamFile a program in this folder that listens on the env `port` */
export async function startHop(upstreamFile = 'upstream.ts'): Promise<Hop> {
  const upstreamPort = freePort();
  const upstream = await startProgram(upstreamFile, upstreamPort);
  const gateway = await startProgram('hop-gateway.ts', freePort(), {
    env: { upstream_port: String(upstreamPort) },
    readyPath: '/function/echo',
  });
  return {
    upstream,
    upstreamPort,
    gateway,
    stop: async () => {
      await gateway.stop();
      await upstream.stop();
    },
  };
}

interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly readyPath?: string;
}

/** Starts a program of this folder on the port. */
export function startProgram(file: string, port: number, options: ProgramOptions = {}): Promise<Started> {
  const { env = {}, readyPath } = options;
  return start({
    command: process.execPath,
    args: [new URL(file, import.meta.url).pathname],
    port,
    env: { port: String(port), ...env },
    ...(readyPath !== undefined && { readyPath }),
  });
}
