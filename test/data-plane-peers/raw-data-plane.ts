import { RawPeer, RawServer } from '../http1/raw-peer.ts';
import {
  type DataPlaneUnderTest,
  startDataPlane,
  type UnderTestOptions,
} from '../support/data-plane-with-upstream.ts';

/** The whole data plane between clients and a replica that say exactly what a test wants to say. */
export class RawDataPlane {
  readonly replica: RawServer;
  readonly plane: DataPlaneUnderTest;
  readonly #clients = new Set<RawPeer>();

  private constructor(replica: RawServer, plane: DataPlaneUnderTest) {
    this.replica = replica;
    this.plane = plane;
  }

  /** For a plane whose replica is somebody else; `replica` is never called. */
  static async around(plane: DataPlaneUnderTest): Promise<RawDataPlane> {
    return new RawDataPlane(await RawServer.start(), plane);
  }

  static async start(options: Partial<UnderTestOptions> = {}): Promise<RawDataPlane> {
    const replica = await RawServer.startReplica();
    return new RawDataPlane(replica, await startDataPlane({ functionPort: replica.port, ...options }));
  }

  async connect(): Promise<RawPeer> {
    const client = await RawPeer.connect(this.plane.port);
    client.socket.setNoDelay(true);
    this.#clients.add(client);
    client.socket.once('close', () => this.#clients.delete(client));
    return client;
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
    this.plane.close();
    this.replica.close();
  }
}

/** A head's lines after the first, sorted into `name: [values]` with names in lower case. */
export function fieldsOf(message: string): Map<string, string[]> {
  const [head = ''] = message.split('\r\n\r\n');
  const fields = new Map<string, string[]>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return fields;
}
