import { expect } from 'chai';
import { ContractError } from '../../../contract/contract-error.ts';
import type { FunctionEntry } from '../../../gateway/data-plane/function-table.ts';
import { privateCounts } from '../../../gateway/data-plane/limits/shared-counts.ts';
import {
  type WaitingCall,
  WaitingRoom,
  type WaitingRoomOptions,
} from '../../../gateway/data-plane/waiting-room.ts';
import { FaasError } from '../../../gateway/errors.ts';

const asleep = (): FunctionEntry => ({
  ref: { name: 'env', namespace: 'openfaas-fn' },
  key: 'env.openfaas-fn',
  labels: {},
  annotations: {},
  envVars: {},
  desired: 0,
  deployed: undefined,
  isRemoved: false,
  replicas: [],
  failures: [],
});

const ready = { id: 'r1', address: '10.0.0.1', inFlight: 0, isReady: true, isOutdated: false };

function room(options: Partial<WaitingRoomOptions> = {}): { room: WaitingRoom; scaled: () => number } {
  let scaled = 0;
  const waitingRoom = new WaitingRoom({
    capacity: 100,
    timeoutMs: 5000,
    scaleFromZero: true,
    scaleUp: async () => {
      scaled++;
    },
    nudge: () => {},
    ...options,
  });
  return { room: waitingRoom, scaled: () => scaled };
}

/** Enters; resolves with why there is no replica, or undefined when there is one. */
const failure = (waitingRoom: WaitingRoom, entry: FunctionEntry): Promise<FaasError | undefined> =>
  new Promise((resolve) => {
    waitingRoom.enter(entry, {
      offer: () => {
        resolve(undefined);
        return true;
      },
      fail: resolve,
    });
  });

/** Enters and resolves with `ready` or the failure's code. */
const outcome = async (waitingRoom: WaitingRoom, entry: FunctionEntry): Promise<string> =>
  (await failure(waitingRoom, entry))?.code ?? 'ready';

describe('the waiting room', () => {
  it('asks the cluster once however many calls wait, and releases all on the first ready replica', async () => {
    const { room: waitingRoom, scaled } = room();
    const entry = asleep();
    const calls = Array.from({ length: 50 }, () => outcome(waitingRoom, entry));
    await Promise.resolve();
    waitingRoom.onEntry(entry); // the table still says zero
    waitingRoom.open(entry);
    expect(new Set(await Promise.all(calls))).to.deep.equal(new Set(['ready']));
    expect(scaled()).to.equal(1);
    expect(waitingRoom.waiting).to.equal(0);
  });

  it('asks again at once when the function was put to sleep again since', async () => {
    const { room: waitingRoom, scaled } = room();
    const entry = asleep();
    const first = outcome(waitingRoom, entry);
    await new Promise((resolve) => setImmediate(resolve)); // the scale call was answered
    entry.desired = 1;
    waitingRoom.onEntry(entry);
    waitingRoom.open(entry);
    expect(await first).to.equal('ready');
    entry.desired = 0;
    waitingRoom.onEntry(entry);
    const second = outcome(waitingRoom, entry);
    waitingRoom.onEntry(entry); // the table still says zero
    expect(scaled()).to.equal(2);
    waitingRoom.open(entry);
    expect(await second).to.equal('ready');
  });

  it('does not scale a function that is only starting', async () => {
    const { room: waitingRoom, scaled } = room();
    const entry = { ...asleep(), desired: 1 };
    const call = outcome(waitingRoom, entry);
    waitingRoom.open(entry);
    expect(await call).to.equal('ready');
    expect(scaled()).to.equal(0);
  });

  it('refuses at once when nothing may start the function', async () => {
    const { room: waitingRoom } = room({ scaleFromZero: false });
    expect(await outcome(waitingRoom, asleep())).to.equal('no_replica');
  });

  it('refuses whom it has no room for, and keeps those who wait', async () => {
    const { room: waitingRoom } = room({ capacity: 1 });
    const entry = asleep();
    const first = outcome(waitingRoom, entry);
    expect(await outcome(waitingRoom, entry)).to.equal('waiting_room_full');
    waitingRoom.open(entry);
    expect(await first).to.equal('ready');
  });

  it('tells everybody when the cluster refuses to scale, and asks anew for the next call', async () => {
    let attempts = 0;
    const { room: waitingRoom } = room({
      scaleUp: async () => {
        attempts++;
        throw new FaasError('provider_unavailable', 'no quorum');
      },
    });
    const entry = asleep();
    expect(await Promise.all([outcome(waitingRoom, entry), outcome(waitingRoom, entry)])).to.deep.equal([
      'provider_unavailable',
      'provider_unavailable',
    ]);
    expect(await outcome(waitingRoom, entry)).to.equal('provider_unavailable');
    expect(attempts).to.equal(2);
  });

  it('says so when the labels of a function forbid to start it, and asks anew for the next call', async () => {
    let asked = 0;
    const { room: waitingRoom } = room({
      scaleUp: () => {
        asked++;
        throw new ContractError('label com.openfaas.scale.min: expected a whole number');
      },
    });
    const entry = asleep();
    for (const round of [1, 2]) {
      expect((await failure(waitingRoom, entry))?.message).to.contain('com.openfaas.scale.min');
      expect(asked).to.equal(round);
    }
    expect(waitingRoom.waiting).to.equal(0);
  });

  it('asks nothing of the cluster for a function that was removed before the call came in', async () => {
    const { room: waitingRoom, scaled } = room();
    expect(await outcome(waitingRoom, { ...asleep(), isRemoved: true })).to.equal('function_not_found');
    expect(scaled()).to.equal(0);
  });

  it('ends a wait that was too long with the reason the cluster gave', async () => {
    const { room: waitingRoom } = room({ timeoutMs: 5 });
    const entry = {
      ...asleep(),
      desired: 1,
      failures: [{ id: 'r1', error: 'No such image: nope', isOutdated: false }],
    };
    const told = await failure(waitingRoom, entry);
    expect(told?.code).to.equal('cold_start_timeout');
    expect(told?.message).to.contain('No such image: nope');
  });

  it('tells everybody when the cluster failed again and again, though each attempt ran for a moment', async () => {
    const { room: waitingRoom } = room();
    const entry = { ...asleep(), desired: 1 };
    const call = failure(waitingRoom, entry);
    for (const id of ['r1', 'r2', 'r3']) {
      entry.failures = [];
      entry.replicas = [{ id, address: '10.0.0.1', inFlight: 0, isReady: false, isOutdated: false }];
      waitingRoom.onEntry(entry);
      entry.replicas = [];
      entry.failures = [{ id, error: 'exit code 1', isOutdated: false }];
      waitingRoom.onEntry(entry);
    }
    const told = await call;
    expect(told?.code).to.equal('no_replica');
    expect(told?.message).to.contain('exit code 1');
  });

  it('lets those who wait go when the function is removed, and when the gateway stops', async () => {
    const { room: waitingRoom } = room();
    const entry = asleep();
    const removed = outcome(waitingRoom, entry);
    waitingRoom.onEntryGone(entry);
    expect(await removed).to.equal('function_not_found');
    const stopped = outcome(waitingRoom, entry);
    waitingRoom.close();
    expect(await stopped).to.equal('no_replica');
  });

  it('frees the place of a call that left', () => {
    const { room: waitingRoom } = room();
    const never = (): never => {
      throw new Error('called after it left');
    };
    const leave = waitingRoom.enter(asleep(), { offer: never, fail: never });
    leave();
    leave();
    expect(waitingRoom.waiting).to.equal(0);
    waitingRoom.close();
  });

  /** A replica with room for one call at a time; calls write their names when they get it. */
  const narrow = (): {
    entry: FunctionEntry;
    taken: string[];
    call: (name: string) => WaitingCall;
    leave: () => void;
  } => {
    const entry = { ...asleep(), desired: 1, replicas: [ready] };
    const taken: string[] = [];
    let isFree = true;
    return {
      entry,
      taken,
      call: (name) => ({
        offer: () => {
          if (!isFree) return false;
          isFree = false;
          taken.push(name);
          return true;
        },
        fail: ({ code }) => taken.push(`${name} ${code}`),
      }),
      leave: () => {
        isFree = true;
      },
    };
  };

  it('lets as many in as there is room for, in the order in which they came', () => {
    const { room: waitingRoom } = room();
    const { entry, taken, call, leave } = narrow();
    for (const name of ['a', 'b', 'c']) waitingRoom.enter(entry, call(name));
    waitingRoom.open(entry);
    expect(taken).to.deep.equal(['a']);
    waitingRoom.open(entry);
    expect(taken).to.deep.equal(['a']);
    leave();
    waitingRoom.open(entry);
    expect(taken).to.deep.equal(['a', 'b']);
    expect(waitingRoom.waiting).to.equal(1);
    // Another worker's call has ended: nobody tells of it.
    leave();
    waitingRoom.reconsider();
    expect(taken).to.deep.equal(['a', 'b', 'c']);
    expect(waitingRoom.waiting).to.equal(0);
  });

  it('tells those for whom there never was room that the replicas are busy, not that they did not start', async () => {
    const { room: waitingRoom } = room({ timeoutMs: 5 });
    const { entry, taken, call } = narrow();
    waitingRoom.enter(entry, call('a'));
    waitingRoom.open(entry);
    waitingRoom.enter(entry, call('b'));
    while (taken.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(taken).to.deep.equal(['a', 'b replicas_busy']);
  });

  it('keeps places for other functions when one does not start', async () => {
    const { room: waitingRoom } = room({ capacity: 10, capacityPerFunction: 3 });
    const [broken, well] = [asleep(), { ...asleep(), key: 'well.openfaas-fn' }];
    const stuck = Array.from({ length: 3 }, () => outcome(waitingRoom, broken));
    expect(await outcome(waitingRoom, broken)).to.equal('waiting_room_full');
    const call = outcome(waitingRoom, well);
    waitingRoom.open(well);
    expect(await call).to.equal('ready');
    waitingRoom.close();
    expect(await Promise.all(stuck)).to.deep.equal(['no_replica', 'no_replica', 'no_replica']);
  });

  it('gives one function half of the places unless told otherwise', async () => {
    const { room: waitingRoom } = room({ capacity: 4 });
    const entry = asleep();
    const stuck = [outcome(waitingRoom, entry), outcome(waitingRoom, entry)];
    expect(await outcome(waitingRoom, entry)).to.equal('waiting_room_full');
    waitingRoom.close();
    await Promise.all(stuck);
  });

  it('counts those who wait in all workers', async () => {
    const counts = privateCounts();
    const [one, other] = [room({ capacity: 2, counts }), room({ capacity: 2, counts })];
    const first = outcome(one.room, asleep());
    const second = outcome(other.room, asleep());
    expect(await outcome(one.room, { ...asleep(), key: 'b' })).to.equal('waiting_room_full');
    other.room.close();
    await second;
    const third = outcome(one.room, { ...asleep(), key: 'b' });
    expect(one.room.waiting).to.equal(2);
    one.room.close();
    expect(await Promise.all([first, third])).to.deep.equal(['no_replica', 'no_replica']);
  });
});
