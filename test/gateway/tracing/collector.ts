import { createServer, type Server } from 'node:http';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly intValue?: string };
  }[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** A collector that keeps what it is sent: OTLP over HTTP in JSON, and nothing else. */
export class Collector {
  readonly spans: CollectedSpan[] = [];
  /** Paths and content types of its requests. */
  readonly requests: string[] = [];
  /** What it answers. */
  status = 200;
  readonly #server: Server;
  readonly #listeners = new Set<() => void>();

  constructor() {
    this.#server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      request.once('end', () => {
        this.requests.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
        if (this.status === 200) this.spans.push(...spansOf(JSON.parse(text)));
        response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
        for (const listener of this.#listeners) listener();
      });
    });
  }

  /** Resolves with its URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  }

  /** Resolves after the request that makes it so. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function spansOf(body: { resourceSpans: { scopeSpans: { spans: CollectedSpan[] }[] }[] }): CollectedSpan[] {
  return body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

/** The attributes of a span as a record. */
export function attributesOf({ attributes }: CollectedSpan): Record<string, string | undefined> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}
