import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import type { QueueLimits } from '../../queue/queue-limits.ts';
import { errorCodeOf, NO_STREAM, STREAM_NAME_IN_USE } from '../jetstream-errors.ts';
import { streamOf } from './bodies.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSession } from './session.ts';

export interface StreamLimits extends QueueLimits {
  /** Servers of a cluster of NATS that have each message. */
  readonly replicas: number;
}

/** How long the stream itself refuses a message that it has had: longer than anybody takes to find out whether it was stored. */
const DUPLICATE_WINDOW_MS = 120_000;
/** The first record of the oldest call goes where there are more. */
const MOST_RECORDS = 500_000;
const KEY_BYTES = 64 * 1024 * 1024;
const NANOS_PER_MS = 1_000_000;

type Wanted = Partial<StreamConfig> & { readonly name: string };

/** Makes what is missing, and gives what is there these limits. @throws {Error} when JetStream refuses, with its reason */
export async function ensureStreams(
  { manager }: JetStreamSession,
  names: QueueNames,
  limits: StreamLimits,
): Promise<void> {
  for (const wanted of streamsOf(names, limits)) {
    try {
      await manager.streams.add(wanted);
    } catch (error) {
      if (errorCodeOf(error) !== STREAM_NAME_IN_USE) throw refused(wanted.name, error);
      const { retention: _fixed, storage: _also, ...changes } = wanted;
      await manager.streams.update(wanted.name, changes).catch((cause: unknown) => {
        throw refused(wanted.name, cause);
      });
    }
  }
  await spreadStores(manager, names, limits);
}

/** Key-value stores are made by whoever uses them first, who does not know how many servers are to have them. */
async function spreadStores(
  { streams }: JetStreamManager,
  names: QueueNames,
  { replicas }: StreamLimits,
): Promise<void> {
  for (const name of [`KV_${names.queues}`, `KV_${names.schedules}`]) {
    const info = await streams.info(name).catch((error: unknown) => {
      if (errorCodeOf(error) === NO_STREAM) return undefined;
      throw error;
    });
    if (info === undefined || info.config.num_replicas === replicas) continue;
    await streams.update(name, { num_replicas: replicas }).catch((cause: unknown) => {
      throw refused(name, cause);
    });
  }
}

function refused(name: string, cause: unknown): Error {
  return new Error(`JetStream refuses the stream ${name}: ${(cause as Error).message}`, { cause });
}

/** After so long. JetStream takes no longer window for duplicates. */
function forgotten(afterMs: number): Pick<StreamConfig, 'max_age' | 'duplicate_window'> {
  return {
    max_age: afterMs * NANOS_PER_MS,
    duplicate_window: Math.min(afterMs, DUPLICATE_WINDOW_MS) * NANOS_PER_MS,
  };
}

/** As the clients of NATS make an object store, so that they can read it. */
function objectStore(bucket: string, config: Partial<StreamConfig>): Wanted {
  return {
    name: streamOf(bucket),
    subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
    retention: 'limits',
    allow_direct: true,
    allow_rollup_hdrs: true,
    ...config,
  };
}

/** All are files, and refuse when they are full rather than lose what is old; only what is told of calls forgets. */
function streamsOf(names: QueueNames, limits: StreamLimits): Wanted[] {
  const shared = {
    storage: 'file',
    num_replicas: limits.replicas,
    duplicate_window: DUPLICATE_WINDOW_MS * NANOS_PER_MS,
  } as const;
  return [
    {
      ...shared,
      name: names.queue,
      subjects: [names.allCalls, names.allCallbacks],
      retention: 'workqueue',
      discard: 'new',
      max_bytes: limits.queueBytes,
    },
    {
      ...shared,
      name: names.later,
      subjects: [names.allLater],
      retention: 'limits',
      discard: 'new',
      max_bytes: limits.laterBytes,
    },
    {
      ...shared,
      name: names.records,
      subjects: [names.allRecords],
      retention: 'limits',
      discard: 'old',
      max_msgs_per_subject: 1,
      max_msgs: MOST_RECORDS,
      max_bytes: limits.recordBytes,
      ...forgotten(limits.resultTtlMs),
    },
    {
      ...shared,
      name: names.keys,
      subjects: [names.allKeys],
      retention: 'limits',
      discard: 'new',
      max_msgs_per_subject: 1,
      max_bytes: KEY_BYTES,
      ...forgotten(limits.keyTtlMs),
    },
    {
      ...shared,
      name: names.dead,
      subjects: [names.allDead],
      retention: 'limits',
      discard: 'new',
      max_bytes: limits.deadBytes,
    },
    objectStore(names.bodies, { ...shared, discard: 'new', max_bytes: limits.bodyBytes }),
    objectStore(names.results, {
      ...shared,
      discard: 'old',
      max_bytes: limits.resultBytes,
      ...forgotten(limits.resultTtlMs),
    }),
  ];
}
