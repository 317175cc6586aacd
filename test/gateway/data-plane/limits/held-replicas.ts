import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Replica } from '../../../../gateway/functions/provider.ts';

/** A call that has reached a replica and waits there for its answer. */
export interface HeldCall {
  readonly replica: string;
  readonly path: string;
  answer(status?: number, headers?: Record<string, string>): void;
}

/** Replicas on addresses of the loopback network, all with one port, which hold their calls until the test answers them. */
export class HeldReplicas {
  readonly held: HeldCall[] = [];
  readonly #servers = new Map<string, Server>();
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  port = 0;
  /** What to do with a call in place of holding it. */
  respond: ((replica: string, request: IncomingMessage, response: ServerResponse) => boolean) | undefined;

  async start(address: string): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url === '/_/health') response.end('OK');
      else if (this.respond?.(address, request, response) !== true) this.#hold(address, request, response);
    });
    await new Promise<void>((resolve) => server.listen(this.port, address, resolve));
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) this.port = bound.port;
    this.#servers.set(address, server);
  }

  /** Resolves when so many calls are held at a time. */
  async reached(count: number): Promise<void> {
    if (this.held.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Answers the call that has been held longest. */
  answerOne(): void {
    this.held.shift()?.answer();
  }

  /** Takes no more connections; those that are open stay. */
  stopListening(address: string): void {
    this.#servers.get(address)?.close();
  }

  close(): void {
    for (const server of this.#servers.values()) {
      server.close();
      server.closeAllConnections();
    }
  }

  #hold(replica: string, request: IncomingMessage, response: ServerResponse): void {
    this.held.push({
      replica,
      path: request.url ?? '',
      answer: (status = 200, headers = {}) => response.writeHead(status, headers).end(replica),
    });
    for (const { count, resolve } of this.#waiting) if (this.held.length >= count) resolve();
  }
}

export function running(...addresses: readonly string[]): Replica[] {
  return addresses.map((address, index) => ({ id: `r${index}`, address, isRunning: true }));
}
