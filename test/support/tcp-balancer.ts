import { createConnection, createServer, type Server, type Socket } from 'node:net';

const HEALTH_MS = 200;

export interface TcpBalancer {
  readonly port: number;
  /** Connections that went to another backend than the one whose turn it was, which was unhealthy or refused them. */
  readonly diverted: number;
  close(): void;
}

/**
 * One address in front of several gateways, as load balancers are: new connections go round among those whose `/healthz` answers 200, and
 * one that is refused goes to the next. Bytes pass as they are; what one side closes is closed on the other.
 */
export async function openTcpBalancer(ports: readonly number[], hostname: string): Promise<TcpBalancer> {
  const sockets = new Set<Socket>();
  const healthy = new Set(ports);
  let turn = 0;
  let diverted = 0;
  const checks = setInterval(() => {
    for (const port of ports) {
      fetch(`http://${hostname}:${port}/healthz`, {
        keepalive: false,
        signal: AbortSignal.timeout(5000),
      }).then(
        ({ status }) => (status === 200 ? healthy.add(port) : healthy.delete(port)),
        () => healthy.delete(port),
      );
    }
  }, HEALTH_MS);
  const inTurn = (): number[] => {
    const first = turn++ % ports.length;
    return [...ports.slice(first), ...ports.slice(0, first)];
  };
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  };
  const pass = (client: Socket, tried: readonly number[] = []): void => {
    const left = inTurn().filter((port) => !tried.includes(port));
    const port = left.find((one) => healthy.has(one)) ?? left[0] ?? 0;
    if (port !== left[0]) diverted++;
    const upstream = createConnection({ host: hostname, port, allowHalfOpen: true, noDelay: true });
    keep(upstream);
    let isConnected = false;
    upstream.on('connect', () => {
      isConnected = true;
      client.pipe(upstream);
      upstream.pipe(client);
    });
    upstream.on('error', () => {
      if (isConnected || left.length === 1) client.destroy();
      else {
        diverted++;
        pass(client, [...tried, port]);
      }
    });
    upstream.on('close', () => isConnected && client.destroySoon());
    client.on('close', () => upstream.destroy());
  };
  const server: Server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    (client) => {
      keep(client);
      client.on('error', () => {}); // `close` follows
      pass(client);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get diverted() {
      return diverted;
    },
    close: () => {
      clearInterval(checks);
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
