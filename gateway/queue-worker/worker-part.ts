import type { Logger } from '../log.ts';
import type { NatsLink } from '../nats/nats-link.ts';
import type { QueueNames } from '../nats/queue/names.ts';
import type { JetStreamSessions } from '../nats/queue/session.ts';
import type { QueueWorkerConfig } from './config.ts';
import type { WorkerMetrics } from './metrics.ts';

/** What each part of the worker is given. */
export interface PartOptions {
  readonly config: QueueWorkerConfig;
  readonly logger: Logger;
  readonly link: NatsLink;
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  /** Of this worker in this run: no other one has ever had it. */
  readonly id: string;
  readonly metrics: WorkerMetrics;
}

/** One of the things that a worker does. */
export interface WorkerPart {
  /** Never throws. @returns how much it had to cut off */
  stop(): Promise<number>;
}
