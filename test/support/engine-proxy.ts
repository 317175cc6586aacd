import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ENGINE_SOCKET = '/var/run/docker.sock';

/** What may befall one request on its way to the engine, or its answer on the way back. */
export type Mishap =
  /** The request is taken, and nothing comes back. */
  | 'silent'
  /** The connection ends before the engine has heard of the request. */
  | 'hung_up'
  /** The engine does what it was asked; the connection ends before its answer. */
  | 'answer_lost'
  /** The same, but half of the answer arrives. */
  | 'answer_cut'
  /** The head of the answer arrives whole, half of its body, and then nothing: the connection stays. */
  | 'answer_stalled'
  /** Something that is no engine answers 500. */
  | 'garbage_500'
  /** Something that is no engine answers 200. */
  | 'garbage_200'
  /** What answers does not even speak HTTP. */
  | 'no_http';

export interface ProxiedRequest {
  readonly method: string;
  /** Without the API version: `/services/create`. */
  readonly path: string;
}

/** A Unix socket before the real engine's, which can be told to fail. */
export interface EngineProxy {
  /** For `DOCKER_HOST`. */
  readonly address: string;
  readonly socketPath: string;
  /** All requests since `mend`, those that were not passed on included. */
  readonly requests: readonly ProxiedRequest[];
  /** Of clients, at this moment. */
  readonly openConnections: number;
  /** From now on `mishap` befalls each request for which `isMeant` is true. */
  befall(mishap: Mishap, isMeant?: (request: ProxiedRequest) => boolean): void;
  /** The engine is gone: nobody accepts, and what is open is closed. */
  refuse(): void;
  /** All is well again. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

const GARBAGE = '<html><body>Oops!</body></html>';

export async function openEngineProxy(engineSocket = ENGINE_SOCKET): Promise<EngineProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'skep-proxy-'));
  const socketPath = join(folder, 'docker.sock');
  const open = new Set<Socket>();
  const clients = new Set<Socket>();
  const requests: ProxiedRequest[] = [];
  let mishap: Mishap | undefined;
  let isMeant: (request: ProxiedRequest) => boolean = () => true;
  let server: Server | undefined;

  const track = (socket: Socket): Socket => {
    open.add(socket);
    socket.on('error', () => {}); // either side may leave at any time: that is what this is for
    socket.once('close', () => open.delete(socket));
    return socket;
  };

  const serve = (client: Socket, request: Buffer): void => {
    const told = readHead(request);
    requests.push(told);
    const fate = mishap !== undefined && isMeant(told) ? mishap : undefined;
    switch (fate) {
      case 'silent':
        return;
      case 'hung_up':
        client.destroy();
        return;
      case 'garbage_500':
        client.end(page('500 Internal Server Error'));
        return;
      case 'garbage_200':
        client.end(page('200 OK'));
        return;
      case 'no_http':
        client.end('220 mail.example.com ESMTP\r\n');
        return;
      default:
        passOn(client, request, fate);
    }
  };

  const passOn = (client: Socket, request: Buffer, fate: Mishap | undefined): void => {
    const engine = track(connect(engineSocket, () => engine.write(request)));
    client.once('close', () => engine.destroy());
    if (fate === undefined) {
      engine.pipe(client);
      return;
    }
    const chunks: Buffer[] = [];
    engine.on('data', (chunk: Buffer) => void chunks.push(chunk));
    engine.once('end', () => {
      const answer = Buffer.concat(chunks);
      const bodyAt = answer.indexOf('\r\n\r\n') + 4;
      const half = bodyAt + Math.ceil((answer.length - bodyAt) / 2);
      if (fate === 'answer_lost') client.destroy();
      else if (fate === 'answer_cut') client.end(answer.subarray(0, half - 1));
      else client.write(answer.subarray(0, half - 1));
    });
  };

  const listen = (): Promise<void> => {
    server = createServer((client) => {
      track(client);
      clients.add(client);
      client.once('close', () => clients.delete(client));
      let received = Buffer.alloc(0);
      client.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const whole = takeRequest(received);
        if (whole === undefined) return;
        received = Buffer.alloc(0);
        serve(client, whole);
      });
    });
    return new Promise((resolve) => server?.listen(socketPath, resolve));
  };

  const refuse = (): void => {
    server?.close();
    server = undefined;
    for (const socket of open) socket.destroy();
    rmSync(socketPath, { force: true });
  };

  await listen();
  return {
    address: `unix://${socketPath}`,
    socketPath,
    requests,
    get openConnections() {
      return clients.size;
    },
    befall: (next, meant = () => true) => {
      mishap = next;
      isMeant = meant;
    },
    refuse,
    mend: async () => {
      mishap = undefined;
      requests.length = 0;
      if (server === undefined) await listen();
    },
    close: async () => {
      refuse();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The first request in what was received, once it is whole; made the only one of its connection. */
function takeRequest(received: Buffer): Buffer | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = received.subarray(0, headEnd).toString('latin1');
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const isChunked = /^transfer-encoding: *chunked/im.test(head);
  const end = isChunked ? received.indexOf('0\r\n\r\n', headEnd) + 5 : headEnd + 4 + length;
  if (isChunked ? end === 4 : received.length < end) return undefined;
  const once = head.replace(/\r\nconnection: [^\r]*/i, '');
  return Buffer.concat([
    Buffer.from(`${once}\r\nConnection: close\r\n\r\n`, 'latin1'),
    received.subarray(headEnd + 4, end),
  ]);
}

function readHead(request: Buffer): ProxiedRequest {
  const [method = '', target = ''] = request.subarray(0, 2000).toString('latin1').split(' ');
  const [path = ''] = target.split('?');
  return { method, path: path.replace(/^\/v\d+\.\d+/, '') };
}

function page(status: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${GARBAGE.length}\r\nConnection: close\r\n\r\n${GARBAGE}`;
}
