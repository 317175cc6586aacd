import net from 'node:net';

/** One side of a raw TCP or Unix connection, in latin1, for saying exactly what a test wants to say. */
export class RawPeer {
  readonly socket: net.Socket;
  received = '';
  receivedBytes = 0;
  hasEnded = false;
  isClosed = false;
  /** Count bytes only, for bodies too large to keep. */
  keeps = true;
  #waiters: (() => void)[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.receivedBytes += bytes.length;
      if (this.keeps) this.received += bytes.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = this.hasEnded = true;
      this.#wake();
    });
  }

  static async connect(to: number | string): Promise<RawPeer> {
    const socket = new net.Socket({ allowHalfOpen: true });
    const peer = new RawPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      if (typeof to === 'string') socket.connect(to, resolve);
      else socket.connect(to, '127.0.0.1', resolve);
    });
    return peer;
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  send(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Waits for a condition that only received bytes or the end can bring about. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  async untilReceived(text: string): Promise<string> {
    await this.until(() => this.received.includes(text));
    return this.received;
  }

  /** Waits for the other side's FIN (or reset); returns all that it sent. */
  async untilEnd(): Promise<string> {
    await this.until(() => this.hasEnded);
    return this.received;
  }

  /** Forgets what was received so far. */
  clear(): void {
    this.received = '';
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** An upstream or client that speaks raw bytes; each connection is handed out in the order it came. */
export class RawServer {
  readonly server: net.Server;
  readonly peers: RawPeer[] = [];
  #waiters: (() => void)[] = [];

  private constructor(isReplica: boolean) {
    this.server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.setNoDelay(true);
      const peer = new RawPeer(socket);
      if (isReplica) void this.#addUnlessProbe(peer);
      else this.#add(peer);
    });
  }

  static start(): Promise<RawServer> {
    return RawServer.#listening(new RawServer(false));
  }

  /** One that answers questions for its health by itself: connections that begin with one, or bring nothing, are not handed out. */
  static startReplica(): Promise<RawServer> {
    return RawServer.#listening(new RawServer(true));
  }

  static async #listening(raw: RawServer): Promise<RawServer> {
    await new Promise<void>((resolve) => raw.server.listen(0, '127.0.0.1', resolve));
    return raw;
  }

  #add(peer: RawPeer): void {
    this.peers.push(peer);
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  async #addUnlessProbe(peer: RawPeer): Promise<void> {
    const probe = 'GET /_/health ';
    await peer.until(() => peer.received.length >= probe.length || peer.hasEnded).catch(() => {});
    if (peer.received.startsWith(probe))
      peer.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else if (peer.received !== '') this.#add(peer);
    else peer.destroy(); // a look at whether somebody listens
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
    return address.port;
  }

  /** The connection with this number, waited for when it has not come yet. */
  async peer(index = 0): Promise<RawPeer> {
    for (;;) {
      const peer = this.peers[index];
      if (peer !== undefined) return peer;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  close(): void {
    for (const peer of this.peers) peer.destroy();
    this.server.close();
  }
}

/** Waits until a condition holds that no event tells of; the test's own time limit ends it. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A seeded generator of numbers in [0, 1) (mulberry32), so that a failure can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
