import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { expect } from 'chai';
import type { FunctionEntry, LiveReplica } from '../../../gateway/data-plane/function-table.ts';
import { Prober } from '../../../gateway/data-plane/probe.ts';

describe('the probes of a replica', () => {
  const entry = { key: 'env.openfaas-fn', annotations: {} } as FunctionEntry;
  let server: Server;
  let port: number;
  let prober: Prober;
  let ready: PromiseWithResolvers<LiveReplica>;
  let statuses: number[];

  beforeEach(async () => {
    statuses = [];
    server = createServer((_request, response) => {
      response.writeHead(statuses.shift() ?? 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
    ready = Promise.withResolvers();
    prober = new Prober({ port, onReady: (_, replica) => ready.resolve(replica) });
  });
  afterEach(async () => {
    prober.stopAll();
    await close();
  });
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

  /** What they have seen, in its order. */
  function probed(): { replica: LiveReplica; seen: string[] } {
    const seen: string[] = [];
    const replica: LiveReplica = {
      ...{ id: '1', address: '127.0.0.1', inFlight: 0, isReady: false, isOutdated: false },
      get probeFailure() {
        return seen.at(-1) ?? '';
      },
      set probeFailure(why) {
        if (seen.at(-1) !== why) seen.push(why);
        if (/^no(thing| HTTP)/.test(why)) ready.resolve(replica);
      },
    };
    prober.start(entry, replica);
    return { replica, seen };
  }

  it('go on until it answers, and keep why it was not taken', async () => {
    statuses = [503, 421];
    const { replica, seen } = probed();
    expect(await ready.promise).to.equal(replica);
    expect(replica.isReady).to.equal(true);
    expect(seen).to.deep.equal(['it answers 503', 'another function answers at its address']);
  });

  it('take a server that has no such page: it may be no watchdog', async () => {
    statuses = [404];
    const { seen } = probed();
    await ready.promise;
    expect(seen).to.deep.equal([]);
  });

  it('say that nothing listens', async () => {
    await close();
    const { replica, seen } = probed();
    await ready.promise;
    expect(replica.isReady).to.equal(false);
    expect(seen).to.deep.equal([`nothing listens on port ${port}`]);
  });

  it('say that what listens does not speak HTTP', async () => {
    await close();
    const other = createSocketServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('220 mail\r\n'),
    );
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    try {
      const { seen } = probed();
      await ready.promise;
      expect(seen[0]).to.match(new RegExp(`^no HTTP from port ${port} \\(\\w+\\)$`));
    } finally {
      prober.stopAll();
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
