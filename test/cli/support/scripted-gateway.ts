import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}
export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A real HTTP server that answers what the test tells it to and keeps what it was sent. */
export class ScriptedGateway {
  readonly received: Received[] = [];
  answer: (request: Received) => Answer;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      this.received.push(received);
      const { status, body = '', headers: extra = {} } = this.answer(received);
      response.writeHead(status, extra).end(body);
    });
  });

  private constructor(answer: (request: Received) => Answer) {
    this.answer = answer;
  }

  static async start(
    answer: (request: Received) => Answer = () => ({ status: 500, body: 'not scripted' }),
  ): Promise<ScriptedGateway> {
    const gateway = new ScriptedGateway(answer);
    await new Promise<void>((resolve) => gateway.#server.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `METHOD /path` of each request, in order. */
  get calls(): string[] {
    return this.received.map(({ method, url }) => `${method} ${url}`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
