import { RawServer } from '../http1/raw-peer.ts';
import { freePort } from '../support/free-port.ts';
import type { Subject } from './contract/contract.ts';
import { type Env, until, type Watchdog } from './start-watchdog.ts';

/** Starts mode http around a server of the fixtures, and waits until it answers through the watchdog. */
export async function startHttp(start: Subject['start'], fprocess: string, env: Env = {}): Promise<Watchdog> {
  const port = freePort();
  const watchdog = await start({
    mode: 'http',
    fprocess,
    upstream_url: `http://127.0.0.1:${port}`,
    UPSTREAM_PORT: String(port),
    ...env,
  });
  await until(
    () =>
      fetch(`${watchdog.url}/warm`).then(
        ({ status }) => status < 500,
        () => false,
      ),
    'it answers',
  );
  return watchdog;
}

export interface RawUpstream {
  readonly watchdog: Watchdog;
  /** What the watchdog connects to; its first connection may be a probe that says nothing. */
  readonly server: RawServer;
  /** Connections that sent a request, in their order. */
  called(index?: number): Promise<Awaited<ReturnType<RawServer['peer']>>>;
}

const servers: RawServer[] = [];

/** Starts mode http before a server that the test itself speaks for, byte by byte. */
export async function startRaw(start: Subject['start'], env: Env = {}, basePath = ''): Promise<RawUpstream> {
  const server = await RawServer.start();
  servers.push(server);
  const watchdog = await start({
    mode: 'http',
    fprocess: 'sleep 60',
    upstream_url: `http://127.0.0.1:${server.port}${basePath}`,
    ...env,
  });
  await until(() => fetch(`${watchdog.url}/_/health`).then(({ status }) => status === 200), 'it is healthy');
  const called: RawUpstream['called'] = async (index = 0) => {
    const asked = () => server.peers.filter(({ received }) => received.includes('\r\n\r\n'));
    await until(() => asked().length > index, 'the upstream is called');
    const peer = asked()[index];
    if (peer === undefined) throw new Error('it has gone');
    return peer;
  };
  return { watchdog, server, called };
}

/** For `afterEach`. */
export function stopRawUpstreams(): void {
  for (const server of servers.splice(0)) server.close();
}
