// OpenFaaS's gateway as a black box. It listens on 8080 whatever it is told, and calls a function directly under its name on 8080,
// too: so it gets a network of its own, in which the function's name is an address whose port 8080 leads to the upstream.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { insideNetwork } from './load.ts';

const FUNCTION_ADDRESS = '127.0.0.2';
const UPSTREAM_PORT = 9001;
const PROVIDER_PORT = 9002;
const NAMESPACE = 'openfaas-fn';
const UPSTREAM = new URL('./upstream.ts', import.meta.url).pathname;
const PROVIDER = new URL('./peer-provider.ts', import.meta.url).pathname;

export interface PeerGateway {
  readonly url: string;
  /** To be called from within this process's network. */
  readonly networkOfPid: number;
  stop(): void;
}

/** Starts the peer with an upstream of its own, called `echo`. @throws {Error} which says what is missing on this machine */
export async function startPeerGateway(executable: string): Promise<PeerGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-peer-'));
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${FUNCTION_ADDRESS} echo echo.${NAMESPACE}\n`);
  const children: ChildProcess[] = [];
  const stop = (): void => {
    for (const child of children.reverse()) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    // unshare keeps the process that it becomes: its id names the network.
    const network = spawn('unshare', ['--net', '--mount', 'sleep', '3600'], { stdio: 'ignore' });
    children.push(network);
    const networkOfPid = network.pid ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const inside = (...command: string[]): void => {
      const [program = '', ...args] = insideNetwork(networkOfPid, command);
      execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    };
    inside('ip', 'link', 'set', 'lo', 'up');
    inside('mount', '--bind', hosts, '/etc/hosts');
    inside(
      ...['iptables', '-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '-d', FUNCTION_ADDRESS, '--dport', '8080'],
      ...['-j', 'REDIRECT', '--to-ports', String(UPSTREAM_PORT)],
    );
    const run = (command: readonly string[], env: Readonly<Record<string, string>>): void => {
      const [program = '', ...args] = insideNetwork(networkOfPid, command);
      children.push(
        spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'ignore' }),
      );
    };
    run([process.execPath, UPSTREAM], { port: String(UPSTREAM_PORT) });
    run([process.execPath, PROVIDER], { port: String(PROVIDER_PORT) });
    run([executable], {
      functions_provider_url: `http://127.0.0.1:${PROVIDER_PORT}/`,
      logs_provider_url: `http://127.0.0.1:${PROVIDER_PORT}/`,
      direct_functions: 'true',
      direct_functions_suffix: NAMESPACE,
      function_namespace: NAMESPACE,
      basic_auth: 'false',
      scale_from_zero: 'false',
      read_timeout: '60s',
      write_timeout: '60s',
      upstream_timeout: '55s',
      max_idle_conns: '1024',
      max_idle_conns_per_host: '1024',
      faas_prometheus_host: '127.0.0.1',
      faas_prometheus_port: '9090',
    });
    const url = 'http://127.0.0.1:8080/function/echo';
    const deadline = Date.now() + 15_000;
    for (;;) {
      try {
        inside('curl', '-sf', '-m', '1', '-o', '/dev/null', url);
        return { url, networkOfPid, stop };
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`${executable} does not call its function`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } catch (error) {
    stop();
    throw error;
  }
}
