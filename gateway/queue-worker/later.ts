import { Bodies } from '../nats/queue/bodies.ts';
import { BodyJanitor } from '../nats/queue/janitor.ts';
import { LaterMover } from '../nats/queue/later.ts';
import { QueueConsumers } from '../nats/queue/queue-consumers.ts';
import { CallRecords } from '../nats/queue/records.ts';
import { SoleActor } from '../nats/queue/sole-actor.ts';
import type { PartOptions, WorkerPart } from './worker-part.ts';

/** One of all workers of the cluster, whatever queues they serve, moves what is due, and one removes what nobody needs. */
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
  const janitor = new BodyJanitor({ sessions, names, logger });
  const shared = { link, bucket: names.leases, id, logger };
  const actors = [
    new SoleActor({ ...shared, key: 'mover', act: (signal) => mover.run(signal) }),
    new SoleActor({ ...shared, key: 'janitor', act: (signal) => janitor.run(signal) }),
  ];
  for (const actor of actors) actor.start();
  return {
    stop: async () => {
      await Promise.all(actors.map((actor) => actor.stop()));
      return 0;
    },
  };
}
