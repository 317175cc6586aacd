import { expect } from 'chai';
import { ContractError } from '../../../contract/contract-error.ts';
import type { FunctionEntry } from '../../../gateway/data-plane/function-table.ts';
import { WaitingRoom, type WaitingRoomOptions } from '../../../gateway/data-plane/waiting-room.ts';
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

/** Enters and resolves with `ready` or the failure's code. */
const outcome = (waitingRoom: WaitingRoom, entry: FunctionEntry): Promise<string> =>
  new Promise((resolve) => waitingRoom.enter(entry, (failure) => resolve(failure?.code ?? 'ready')));

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
      const failure = await new Promise<FaasError | undefined>((resolve) =>
        waitingRoom.enter(entry, resolve),
      );
      expect(failure?.message).to.contain('com.openfaas.scale.min');
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
    const failure = await new Promise<FaasError | undefined>((resolve) => waitingRoom.enter(entry, resolve));
    expect(failure?.code).to.equal('cold_start_timeout');
    expect(failure?.message).to.contain('No such image: nope');
  });

  it('tells everybody when the cluster failed again and again, though each attempt ran for a moment', async () => {
    const { room: waitingRoom } = room();
    const entry = { ...asleep(), desired: 1 };
    const call = new Promise<FaasError | undefined>((resolve) => waitingRoom.enter(entry, resolve));
    for (const id of ['r1', 'r2', 'r3']) {
      entry.failures = [];
      entry.replicas = [{ id, address: '10.0.0.1', inFlight: 0, isReady: false, isOutdated: false }];
      waitingRoom.onEntry(entry);
      entry.replicas = [];
      entry.failures = [{ id, error: 'exit code 1', isOutdated: false }];
      waitingRoom.onEntry(entry);
    }
    const failure = await call;
    expect(failure?.code).to.equal('no_replica');
    expect(failure?.message).to.contain('exit code 1');
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
    const leave = waitingRoom.enter(asleep(), () => {
      throw new Error('called after it left');
    });
    leave();
    leave();
    expect(waitingRoom.waiting).to.equal(0);
    waitingRoom.close();
  });
});
