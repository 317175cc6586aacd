import type { FunctionRef } from '../../../contract/function-ref.ts';
import { type Logger, withFields } from '../../log.ts';
import type { GatewayQueue } from '../../queue/gateway-queue.ts';
import type { NatsAddress } from '../look-at-nats.ts';
import { NatsLink } from '../nats-link.ts';
import { Backlogs } from './backlogs.ts';
import { JetStreamCallBook } from './book.ts';
import { QueueIntake } from './intake.ts';
import { lookAtQueueWorkers } from './look-at-workers.ts';
import { queueNames } from './names.ts';
import { QueueConsumers } from './queue-consumers.ts';
import { ScheduleStore } from './schedule-store.ts';
import { JetStreamSessions } from './session.ts';
import { SoleActor } from './sole-actor.ts';
import { StreamKeeper } from './stream-keeper.ts';
import type { StreamLimits } from './streams.ts';

export interface JetStreamQueueOptions extends NatsAddress {
  /** What NATS shows this client as. */
  readonly name: string;
  /** Of the streams. */
  readonly cluster: string;
  readonly limits: StreamLimits;
  /** Undefined: nobody knows. */
  readonly isDeployed: (ref: FunctionRef) => boolean | undefined;
  readonly logger: Logger;
}

/**
 * Begins to connect, and keeps the streams. The connection is its own: where NATS cannot write any more, what asks for a stream may hang
 * with all that came over the same connection, and who scales must not hang with it.
 */
export function openJetStreamQueue(options: JetStreamQueueOptions): GatewayQueue {
  const { host, port, name, cluster, limits, isDeployed, logger } = options;
  const link = new NatsLink({ host, port, name, logger: withFields(logger, { connection: 'queue' }) });
  const sessions = new JetStreamSessions(link);
  const names = queueNames(cluster);
  const streams = new StreamKeeper({ link, sessions, names, limits, isDeployed, logger });
  link.start();
  return {
    kind: 'jetstream',
    intake: new QueueIntake({ sessions, names }),
    book: new JetStreamCallBook(sessions, names, new QueueConsumers(sessions, names)),
    load: new Backlogs(sessions, names),
    progress: new ScheduleStore(sessions, names, limits.replicas),
    holdAlone: (task) => new SoleActor({ ...task, link, bucket: names.leases }),
    look: () => streams.look(),
    lookAtWorkers: (signal) => lookAtQueueWorkers(sessions, names, signal),
    drain: async () => undefined, // workers are processes of their own
    stop: async () => {
      streams.stop();
      await link.stop();
      return { lost: 0 };
    },
  };
}
