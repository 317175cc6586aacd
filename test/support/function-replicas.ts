import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** Replicas of functions: servers on addresses of the loopback network that share a port, as in the cluster. */
export interface FunctionReplicas {
  readonly port: number;
  /** Calls answered so far by the replica with this index, probes left out. */
  answered(index: number): number;
  stop(index: number): Promise<void>;
  start(index: number): Promise<void>;
  close(): Promise<void>;
}

/** @param answer a call's answer; probes are answered with 200 */
export async function startReplicas(
  count: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FunctionReplicas> {
  const servers = new Map<number, Server>();
  const answered = new Map<number, number>();
  let port = 0;
  const start = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const server = createServer((request, response) => {
        if (request.url === '/_/health') {
          response.end('OK');
          return;
        }
        answered.set(index, (answered.get(index) ?? 0) + 1);
        answer(request, response);
      });
      servers.set(index, server);
      server.once('error', reject);
      server.listen(port, `127.0.0.${index + 1}`, () => {
        const bound = server.address();
        if (typeof bound === 'object' && bound !== null) port = bound.port;
        resolve();
      });
    });
  const stop = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const server = servers.get(index);
      servers.delete(index);
      if (server === undefined) {
        resolve();
        return;
      }
      server.close(() => resolve());
      server.closeAllConnections();
    });
  for (let index = 0; index < count; index++) await start(index);
  return {
    port,
    answered: (index) => answered.get(index) ?? 0,
    start,
    stop,
    close: async () => {
      for (const index of [...servers.keys()]) await stop(index);
    },
  };
}
