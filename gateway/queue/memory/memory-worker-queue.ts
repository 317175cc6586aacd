import { withKeptHeaders } from '../stored-call.ts';
import { storedBytes } from '../stored-size.ts';
import type { StoreFailure, WorkerQueue } from '../worker-queue.ts';
import { MemoryCallbackFeed, MemoryCallFeed } from './memory-feeds.ts';
import type { MemoryStore } from './memory-store.ts';

const SWEEP_EVERY_MS = 60_000;
/** A body is somebody's as long as it is younger: it is stored a moment before its call is. */
const YOUNG_MS = 60_000;

/** A queue in memory as its worker has it. */
export function memoryWorkerQueue(store: MemoryStore): WorkerQueue {
  return {
    records: store.records,
    followUps: {
      later: async (call) => store.addLater({ kind: 'call', call }),
      now: async (call) => void store.pushCall(withKeptHeaders(call)),
      dead: async (letter) => {
        const seq = store.next();
        store.dead.add(seq, letter);
        return seq;
      },
      callback: async (callback) => store.pushCallback(callback),
    },
    inputs: store.inputs,
    results: store.results,
    callbacks: {
      sendLater: async (callback) => store.addLater({ kind: 'callback', callback }),
      tell: async (record) => store.callbackRecords.set(record.id, record, storedBytes(record)),
      told: async (id) => store.callbackRecords.get(id),
    },
    failureOf,
    feedCalls: (taker) => new MemoryCallFeed(store, taker),
    feedCallbacks: (taker) => new MemoryCallbackFeed(store, taker),
    onCancelled: (listener) => store.onCancelled(listener),
    keepUp: () => {
      store.startMoving();
      const sweeping = setInterval(() => store.sweep(YOUNG_MS), SWEEP_EVERY_MS);
      return {
        stop: async () => {
          clearInterval(sweeping);
          store.later.stop();
        },
      };
    },
  };
}

/** There is no other reason than that it is full. */
function failureOf(): StoreFailure {
  return 'refused';
}
