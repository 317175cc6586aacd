import type { FunctionRef } from '../../../contract/function-ref.ts';
import { type Logger, withFields } from '../../log.ts';
import type { NatsAddress } from '../look-at-nats.ts';
import { NatsLink } from '../nats-link.ts';
import { type QueueNames, queueNames } from './names.ts';
import { JetStreamSessions } from './session.ts';
import { StreamKeeper } from './stream-keeper.ts';
import type { QueueLimits } from './streams.ts';

export interface OpenQueueOptions extends NatsAddress {
  /** What NATS shows this client as. */
  readonly name: string;
  /** Of the streams. */
  readonly cluster: string;
  readonly limits: QueueLimits;
  /** Undefined: nobody knows. */
  readonly isDeployed: (ref: FunctionRef) => boolean | undefined;
  readonly logger: Logger;
}

/** What the control process has of the queue. */
export interface OpenedQueue {
  readonly link: NatsLink;
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly streams: StreamKeeper;
  stop(): Promise<void>;
}

/**
 * Begins to connect, and keeps the streams. The connection is its own: where NATS cannot write any more, what asks for a stream may hang
 * with all that came over the same connection, and who scales must not hang with it.
 */
export function openQueue(options: OpenQueueOptions): OpenedQueue {
  const { host, port, name, cluster, limits, isDeployed, logger } = options;
  const link = new NatsLink({ host, port, name, logger: withFields(logger, { connection: 'queue' }) });
  const sessions = new JetStreamSessions(link);
  const names = queueNames(cluster);
  const streams = new StreamKeeper({ link, sessions, names, limits, isDeployed, logger });
  link.start();
  return {
    link,
    sessions,
    names,
    streams,
    stop: async () => {
      streams.stop();
      await link.stop();
    },
  };
}
