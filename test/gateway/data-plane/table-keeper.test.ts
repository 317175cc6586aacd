import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { TableChanges } from '../../../gateway/data-plane/table-changes.ts';
import { TableKeeper } from '../../../gateway/data-plane/table-keeper.ts';
import type { FunctionSnapshot, Replica } from '../../../gateway/functions/provider.ts';
import { until } from '../../support/platform.ts';

describe("the function table's keeper", () => {
  const ref = { name: 'env', namespace: 'openfaas-fn' };
  let cluster: Map<string, FunctionSnapshot>;
  let told: TableChanges[];
  let keeper: TableKeeper;
  let server: Server;
  let isHealthy: boolean;
  let probes: number;

  beforeEach(async () => {
    cluster = new Map();
    told = [];
    isHealthy = true;
    probes = 0;
    server = createServer((_request, response) => {
      probes++;
      response.writeHead(isHealthy ? 200 : 503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    keeper = new TableKeeper({
      snapshot: async () => [...cluster.values()],
      look: async ({ name }) => cluster.get(name),
      onTableHealth: () => {},
      functionPort: (server.address() as AddressInfo).port,
      defaultNamespace: 'openfaas-fn',
      rollouts: { timeoutMs: 60_000, revert: async () => undefined },
      onChanges: (changes) => told.push(changes),
    });
  });
  afterEach(() => {
    keeper.stop();
    server.close();
    server.closeAllConnections();
  });

  const set = (name: string, changes: Partial<FunctionSnapshot> = {}): void => {
    cluster.set(name, {
      ref: { name, namespace: 'openfaas-fn' },
      labels: { a: 'b' },
      annotations: {},
      envVars: {},
      desired: 0,
      replicas: [],
      createdAt: '2026-01-01T00:00:00Z',
      ...changes,
    });
  };
  const running: Replica = { id: 'r1', address: '127.0.0.1', isRunning: true };
  const last = (): TableChanges | undefined => told.at(-1);
  const isReady = (): boolean => last()?.changed[0]?.replicas[0]?.isReady === true;

  it('asks a replica with a port of its own there, and tells of that port', async () => {
    const port = (server.address() as AddressInfo).port;
    const elsewhere = new TableKeeper({
      snapshot: async () => [...cluster.values()],
      look: async ({ name }) => cluster.get(name),
      onTableHealth: () => {},
      functionPort: 1,
      defaultNamespace: 'openfaas-fn',
      rollouts: { timeoutMs: 60_000, revert: async () => undefined },
      onChanges: (changes) => told.push(changes),
    });
    set('env', { desired: 1, replicas: [{ ...running, port }] });
    await elsewhere.start();
    await until('ready', async () => isReady());
    elsewhere.stop();
    expect(last()?.changed[0]?.replicas[0]).to.include({ address: '127.0.0.1', port });
  });

  it('tells that the cluster was read, though it has no function', async () => {
    expect(keeper.whole().isLoaded).to.equal(false);
    await keeper.start();
    expect(told).to.deep.equal([{ isLoaded: true, changed: [], removed: [] }]);
  });

  it('tells of what has changed alone, however often the cluster is read', async () => {
    for (let index = 0; index < 500; index++) set(`fn-${index}`);
    await keeper.start();
    expect(last()?.changed).to.have.length(500);
    for (let index = 0; index < 500; index++) set(`fn-${index}`); // equal, not the same objects
    set('fn-7', { labels: { a: 'c' } });
    cluster.delete('fn-8');
    keeper.nudge();
    await until('news', async () => told.length === 2);
    expect(last()?.changed.map(({ ref, labels }) => [ref.name, labels])).to.deep.equal([
      ['fn-7', { a: 'c' }],
    ]);
    expect(last()?.removed).to.deep.equal(['fn-8.openfaas-fn']);
    expect(keeper.whole().changed).to.have.length(499);
  });

  it("passes on only those of a function's environment variables that say how it is to be called", async () => {
    set('env', { envVars: { exec_timeout: '5s', password: 'not yours' } });
    await keeper.start();
    expect(last()?.changed[0]?.envVars).to.deep.equal({ exec_timeout: '5s' });
  });

  it('has told of a change when a refresh resolves, also of a removal', async () => {
    await keeper.start();
    set('env');
    await keeper.refresh(ref);
    expect(last()?.changed[0]?.ref).to.deep.equal(ref);
    cluster.delete('env');
    await keeper.refresh(ref);
    expect(last()?.removed).to.deep.equal(['env.openfaas-fn']);
  });

  it('tells of a replica when it has answered, and numbers its answers', async () => {
    isHealthy = false;
    set('env', { desired: 1, replicas: [running] });
    await keeper.start();
    expect(last()?.changed[0]?.replicas[0]).to.include({ isReady: false, proofs: 0 });
    isHealthy = true;
    await until('the answer', async () => isReady());
    expect(last()?.changed[0]?.replicas[0]).to.include({ proofs: 1 });
  });

  it('has nobody call a replica that was not reached before it has answered anew', async () => {
    set('env', { desired: 1, replicas: [running] });
    await keeper.start();
    await until('the answer', async () => isReady());
    isHealthy = false;
    keeper.unreachable({ key: 'env.openfaas-fn', replicaId: 'r1', proof: 1 });
    expect(isReady()).to.equal(false);
    isHealthy = true;
    await until('the next answer', async () => isReady());
    expect(last()?.changed[0]?.replicas[0]).to.include({ proofs: 2 });
    const [count, asked] = [told.length, probes];
    keeper.unreachable({ key: 'env.openfaas-fn', replicaId: 'r1', proof: 1 }); // another worker, late
    keeper.unreachable({ key: 'env.openfaas-fn', replicaId: 'r9', proof: 2 }); // gone
    keeper.unreachable({ key: 'other.openfaas-fn', replicaId: 'r1', proof: 2 });
    expect([told.length, probes]).to.deep.equal([count, asked]);
  });
});
