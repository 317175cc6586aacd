import type { Upstream } from './config-readers.ts';

/** What tells a hosted process where to listen, when the watchdog chose. */
export interface ChosenUpstream {
  readonly upstream: Upstream;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * With port 0 a free one is chosen, so that many watchdogs on one host need no agreement; the process learns it as `PORT`.
 * Somebody else may take it before the process does: then the process ends, and so does the watchdog, as for any failed start.
 * @throws {Error} when no port of that address can be had
 */
export function choosePort(upstream: Upstream): ChosenUpstream {
  const { hostname } = upstream.address;
  if (upstream.address.port !== 0) return { upstream, env: {} };
  let port: number;
  try {
    const probe = Bun.listen({ hostname, port: 0, socket: { data() {} } });
    port = probe.port;
    probe.stop(true);
  } catch (error) {
    throw new Error(`upstream_url: no free port on ${hostname}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return { upstream: { ...upstream, address: { hostname, port } }, env: { PORT: String(port) } };
}
