/** Below the ports that systems give to clients, which may have taken a free one before the server that it is for listens on it. */
const FIRST = 20_000;
const LAST = 32_000;
const given = new Set<number>();

/** For programs that take no port 0: one on which nobody listens, and which was not given before. */
export function freePort(): number {
  for (let tries = 0; tries < 1000; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port)) continue;
    try {
      Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true);
    } catch {
      continue; // taken
    }
    given.add(port);
    return port;
  }
  throw new Error(`no port from ${FIRST} to ${LAST} is free`);
}
