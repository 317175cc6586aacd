import type { Logger } from '../../log.ts';
import type { StoreFailure, WorkerQueue } from '../../queue/worker-queue.ts';
import { errorCodeOf } from '../jetstream-errors.ts';
import type { NatsLink } from '../nats-link.ts';
import { Bodies } from './bodies.ts';
import { CallbackSource } from './callback-source.ts';
import { CallbackStore } from './callback-store.ts';
import { BodyJanitor } from './janitor.ts';
import { KnownQueues } from './known-queues.ts';
import { LaterMover } from './later.ts';
import { queueNames } from './names.ts';
import { CallOutlet } from './outlet.ts';
import { QueueConsumers } from './queue-consumers.ts';
import { CallRecords } from './records.ts';
import { HEADERS_TOO_LONG } from './refusal.ts';
import { JetStreamSessions } from './session.ts';
import { SoleActor } from './sole-actor.ts';
import { CallSource } from './source.ts';

export interface JetStreamWorkerQueueOptions {
  readonly link: NatsLink;
  /** Of the streams. */
  readonly cluster: string;
  /** Whose calls are run. */
  readonly queue: string;
  /** Of this worker in this run: no other one has ever had it. */
  readonly id: string;
  readonly logger: Logger;
}

/** One queue of JetStream as a worker has it, over one connection after the other. */
export function openJetStreamWorkerQueue(options: JetStreamWorkerQueueOptions): WorkerQueue {
  const { link, cluster, queue, id, logger } = options;
  const sessions = new JetStreamSessions(link);
  const names = queueNames(cluster);
  const consumers = new QueueConsumers(sessions, names);
  const records = new CallRecords(sessions, names);
  const inputs = new Bodies(sessions, names.bodies);
  const announce = announcer(link, new KnownQueues(sessions, names), queue);
  return {
    records,
    followUps: new CallOutlet(sessions, names),
    inputs,
    results: new Bodies(sessions, names.results),
    callbacks: new CallbackStore(sessions, names),
    failureOf,
    feedCalls: (taker) =>
      new CallSource({
        ...taker,
        link,
        sessions,
        names,
        queue,
        logger,
        onWaiting: (waiting) => {
          taker.onWaiting(waiting);
          announce();
        },
      }),
    feedCallbacks: (taker) => new CallbackSource({ ...taker, link, names, consumers, queue, logger }),
    onCancelled: (listener) =>
      link.onConnection((connection) => {
        connection.subscribe(names.cancel, {
          callback: (error, message) => {
            if (error === null) listener(instanceOf(message.data));
          },
        });
      }),
    keepUp: () => {
      const mover = new LaterMover({
        sessions,
        names,
        records,
        consumers,
        // What cannot be dropped now, the janitor finds.
        dropBody: (name) => inputs.drop({ name }).catch(() => undefined),
        logger,
      });
      const janitor = new BodyJanitor({ sessions, names, logger });
      const shared = { link, bucket: names.leases, id, logger };
      // One of all workers of the cluster, whatever queues they serve.
      const actors = [
        new SoleActor({ ...shared, key: 'mover', act: (signal) => mover.run(signal) }),
        new SoleActor({ ...shared, key: 'janitor', act: (signal) => janitor.run(signal) }),
      ];
      for (const actor of actors) actor.start();
      return {
        stop: async () => {
          await Promise.all(actors.map((actor) => actor.stop()));
        },
      };
    },
  };
}

function failureOf(error: unknown): StoreFailure {
  const code = errorCodeOf(error);
  if (code === HEADERS_TOO_LONG) return 'too_long';
  return code === 0 ? 'unknown' : 'refused';
}

/** @returns says that the queue is served, once on each connection; where it fails, the next time */
function announcer(link: NatsLink, queues: KnownQueues, queue: string): () => void {
  let isAnnounced = false;
  link.onConnection(() => {
    // Another NATS may be behind it, or the same one without what it had.
    isAnnounced = false;
  });
  return () => {
    if (isAnnounced) return;
    queues.announce(queue).then(
      () => {
        isAnnounced = true;
      },
      () => undefined,
    );
  };
}

function instanceOf(data: Uint8Array): string {
  try {
    const { instance } = JSON.parse(new TextDecoder().decode(data)) as { readonly instance?: unknown };
    return typeof instance === 'string' ? instance : '';
  } catch {
    return '';
  }
}
