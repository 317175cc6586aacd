import { expect } from 'chai';
import type { FunctionEntry, LiveReplica } from '../../../gateway/data-plane/function-table.ts';
import { canReach } from '../../../gateway/data-plane/reach.ts';
import { ReplicaWatch } from '../../../gateway/data-plane/replica-watch.ts';
import type { ReplicaState } from '../../../gateway/data-plane/table-changes.ts';
import { TableKeeper } from '../../../gateway/data-plane/table-keeper.ts';
import type { FunctionSnapshot } from '../../../gateway/functions/provider.ts';
import { startDataPlane } from '../../support/data-plane-with-upstream.ts';
import { running } from './limits/held-replicas.ts';

describe('the watch over replicas', () => {
  let watch: ReplicaWatch;
  let replica: LiveReplica;
  let doubts: string[];

  beforeEach(() => {
    doubts = [];
    replica = { id: 'r1', address: '10.0.0.1', inFlight: 1, isReady: true, isOutdated: false };
    watch = new ReplicaWatch({
      entries: () => [entry()],
      silenceMs: 3_600_000,
      onDoubt: (_, { id }) => doubts.push(id),
    });
  });
  afterEach(() => watch.stop());

  const entry = (): FunctionEntry => ({
    ref: { name: 'env', namespace: 'openfaas-fn' },
    key: 'env.openfaas-fn',
    labels: {},
    annotations: {},
    envVars: {},
    desired: 1,
    deployed: undefined,
    isRemoved: false,
    replicas: [replica],
    failures: [],
  });
  const look = (times: number): void => {
    for (let round = 0; round < times; round++) watch.look();
  };

  it('doubts one that answers no call while some are in flight, again and again', () => {
    look(4);
    expect(doubts).to.deep.equal([]);
    look(1);
    expect(doubts).to.deep.equal(['r1']);
    look(4);
    expect(doubts).to.deep.equal(['r1', 'r1']);
  });

  it('does not doubt one that answers, nor one that has none, nor one that takes none anyway', () => {
    for (let round = 0; round < 20; round++) {
      replica.answered = round;
      watch.look();
    }
    replica.inFlight = 0;
    look(20);
    replica.inFlight = 1;
    replica.isReady = false;
    look(20);
    expect(doubts).to.deep.equal([]);
  });

  it('begins anew when the calls have ended in between', () => {
    look(4);
    replica.inFlight = 0;
    look(1);
    replica.inFlight = 1;
    look(4);
    expect(doubts).to.deep.equal([]);
  });

  it('asks once about one that breaks off call after call', () => {
    for (let call = 0; call < 100; call++) watch.doubt(entry(), replica);
    expect(doubts).to.have.length(1);
    look(1);
    watch.doubt(entry(), replica);
    expect(doubts).to.have.length(2);
  });
});

describe('canReach', () => {
  it('tells whether somebody listens', async () => {
    const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
    const address = { hostname: '127.0.0.1', port: listener.port };
    expect(await canReach(address, 1000)).to.equal(true);
    listener.stop(true);
    expect(await canReach(address, 1000)).to.equal(false);
  });

  it('does not wait longer than it is told for an address that does not answer', async () => {
    // A block kept for documentation: nobody is there, and most networks drop what is sent to it.
    expect(await canReach({ hostname: '192.0.2.1', port: 9 }, 20)).to.equal(false);
  });
});

/** A replica whose machine can go: then nothing of what it has been sent is answered, and its connections stay as they are. */
class MortalReplica {
  readonly address: string;
  readonly #listener: Bun.TCPSocketListener<undefined>;
  isGone = false;
  /** Requests that were sent after it had gone. */
  lost = 0;

  constructor(address: string, port: number) {
    this.address = address;
    this.#listener = Bun.listen({
      hostname: address,
      port,
      socket: {
        data: (socket, bytes) => {
          if (this.isGone) this.lost++;
          else if (bytes.toString().startsWith('GET ')) {
            socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${address.length}\r\n\r\n${address}`);
          }
        },
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  die(): void {
    this.isGone = true;
    this.#listener.stop(false);
  }

  close(): void {
    this.#listener.stop(true);
  }
}

const snapshotOf = (...replicas: MortalReplica[]): FunctionSnapshot => ({
  ref: { name: 'fn', namespace: 'openfaas-fn' },
  labels: {},
  annotations: {},
  envVars: {},
  desired: replicas.length,
  replicas: running(...replicas.map(({ address }) => address)),
  createdAt: '2026-01-01T00:00:00Z',
});

describe('a doubtful replica', () => {
  it('is told to be away when it cannot be reached, and only then', async () => {
    const replica = new MortalReplica('127.0.0.1', 0);
    let told: ReplicaState | undefined;
    let onTold = (): void => {};
    const keeper = new TableKeeper({
      functionPort: replica.port,
      connectTimeoutMs: 500,
      snapshot: async () => [snapshotOf(replica)],
      look: async () => snapshotOf(replica),
      onTableHealth: () => {},
      defaultNamespace: 'openfaas-fn',
      rollouts: { timeoutMs: 60_000, revert: async () => {} },
      onChanges: ({ changed }) => {
        told = changed[0]?.replicas[0];
        onTold();
      },
    });
    const becomes = async (isReady: boolean): Promise<void> => {
      while (told?.isReady !== isReady) await new Promise<void>((resolve) => (onTold = resolve));
    };
    try {
      await keeper.start();
      await becomes(true);
      const doubt = { key: 'fn.openfaas-fn', replicaId: 'r0', proof: told?.proofs ?? 0, isDoubtful: true };
      keeper.unreachable(doubt);
      // What is doubted has been tried once a refused connection of the same kind has come back.
      await canReach({ hostname: '127.0.0.1', port: replica.port }, 500);
      expect(told?.isReady).to.equal(true);
      replica.die();
      keeper.unreachable(doubt);
      await becomes(false);
    } finally {
      keeper.stop();
      replica.close();
    }
  });
});

describe('a replica whose machine has gone', () => {
  it('takes no more calls, though its connections stay open and the cluster still calls it running', async () => {
    const alive = new MortalReplica('127.0.0.1', 0);
    const mortal = new MortalReplica('127.0.0.2', alive.port);
    const gateway = await startDataPlane({
      functionPort: alive.port,
      silenceMs: 40,
      connectTimeoutMs: 500,
      snapshot: async () => [snapshotOf(alive, mortal)],
    });
    const stuck = new AbortController();
    const call = async (): Promise<string> => {
      const signal = AbortSignal.any([stuck.signal, AbortSignal.timeout(300)]);
      const response = await fetch(`http://127.0.0.1:${gateway.port}/function/fn`, { signal });
      return await response.text();
    };
    const calls = (count: number): Promise<PromiseSettledResult<string>[]> =>
      Promise.allSettled(Array.from({ length: count }, call));
    try {
      // Connections to both are kept alive by then.
      const seen = new Set<string | undefined>();
      while (seen.size < 2)
        for (const answer of await calls(8)) seen.add('value' in answer ? answer.value : '');
      mortal.die();
      for (let before = -1; before < mortal.lost; ) {
        before = mortal.lost;
        await calls(8);
      }
      expect(mortal.lost).to.be.greaterThan(0);
      const after = await calls(50);
      expect(new Set(after.map((answer) => 'value' in answer && answer.value))).to.deep.equal(
        new Set([alive.address]),
      );
    } finally {
      stuck.abort();
      gateway.close();
      alive.close();
      mortal.close();
    }
  });
});
