import type { Logger } from '../../log.ts';
import type { CallIntake } from '../../queue/call-queue.ts';
import type { NatsAddress } from '../look-at-nats.ts';
import { NatsLink } from '../nats-link.ts';
import { QueueIntake } from './intake.ts';
import { queueNames } from './names.ts';
import { JetStreamSessions } from './session.ts';

export interface OpenIntakeOptions extends NatsAddress {
  /** What NATS shows this client as. */
  readonly name: string;
  /** Of the streams. */
  readonly cluster: string;
  readonly logger: Logger;
}

/** An intake with a connection of its own, which is tried on and on: meanwhile nothing is accepted. */
export function openIntake(options: OpenIntakeOptions): {
  readonly intake: CallIntake;
  stop(): Promise<void>;
} {
  const { host, port, name, cluster, logger } = options;
  const link = new NatsLink({ host, port, name, logger });
  const intake = new QueueIntake({ sessions: new JetStreamSessions(link), names: queueNames(cluster) });
  link.start();
  return { intake, stop: () => link.stop() };
}
