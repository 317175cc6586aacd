import { createServer } from 'node:net';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0']);
const UPSTREAM_KEYS = ['http_upstream_url', 'upstream_url'];

/** Below the ports that systems give to connections and to listeners without a wish, so that nobody is given one of ours meanwhile. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const MOST_ATTEMPTS = 50;

/** The port on which a function's own server listens in its image, where all replicas on one machine would want the same. */
export function upstreamPort(env: Readonly<Record<string, string>>): number | undefined {
  if (env['mode'] !== 'http') return undefined;
  const text = UPSTREAM_KEYS.map((key) => env[key]).find((value) => value);
  if (text === undefined || !URL.canParse(text)) return undefined; // The watchdog says what is wrong with it.
  const { hostname, port } = new URL(text);
  // 0: the watchdog chooses one by itself.
  if (!LOOPBACK.has(hostname) || port === '' || port === '0') return undefined;
  return Number(port);
}

/** The same environment with the port `from` as `to` wherever it is named: `127.0.0.1:3000`, `localhost:3000`, `PORT=3000`. */
export function withUpstreamPort(
  env: Readonly<Record<string, string>>,
  { from, to }: { readonly from: number; readonly to: number },
): Record<string, string> {
  const address = new RegExp(String.raw`((?:127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0):)${from}(?!\d)`, 'g');
  const moved = Object.entries(env).map(([key, value]): [string, string] =>
    /(?:^|_)port$/i.test(key) && value === String(from)
      ? [key, String(to)]
      : [key, value.replace(address, `$1${to}`)],
  );
  return { ...Object.fromEntries(moved), PORT: String(to) };
}

/** Ports of this machine that are free and not given to another replica. */
export class OwnPorts {
  readonly #given = new Set<number>();

  /** @throws {Error} when none is found */
  async take(): Promise<number> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
      if (this.#given.has(port)) continue;
      this.#given.add(port);
      if (await isFree(port)) return port;
      this.#given.delete(port);
    }
    throw new Error(`no free port was found between ${FIRST_PORT} and ${LAST_PORT}`);
  }

  giveBack(port: number): void {
    this.#given.delete(port);
  }
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}
