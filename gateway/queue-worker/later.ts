import { Bodies } from '../nats/queue/bodies.ts';
import { LaterMover } from '../nats/queue/later.ts';
import { QueueConsumers } from '../nats/queue/queue-consumers.ts';
import { CallRecords } from '../nats/queue/records.ts';
import { SoleActor } from '../nats/queue/sole-actor.ts';
import type { PartOptions, WorkerPart } from './worker-part.ts';

/** One of all workers of the cluster, whatever queues they serve, moves what is due. */
export function startLater({ link, sessions, names, id, logger }: PartOptions): WorkerPart {
  const bodies = new Bodies(sessions, names.bodies);
  const mover = new LaterMover({
    sessions,
    names,
    records: new CallRecords(sessions, names),
    consumers: new QueueConsumers(sessions, names),
    // What cannot be dropped now, the janitor finds.
    dropBody: (name) => bodies.drop({ name }).catch(() => undefined),
    logger,
  });
  const actor = new SoleActor({
    link,
    bucket: names.leases,
    key: 'mover',
    id,
    logger,
    act: (signal) => mover.run(signal),
  });
  actor.start();
  return {
    stop: async () => {
      await actor.stop();
      return 0;
    },
  };
}
