import type { GatewayConfig } from './config.ts';
import type { StreamLimits } from './nats/queue/streams.ts';

/** What the settings say of a queue's room and times. */
export function queueLimitsOf(config: GatewayConfig): StreamLimits {
  return {
    queueBytes: config.queueLimitBytes,
    laterBytes: config.queueLaterLimitBytes,
    bodyBytes: config.queueBodyLimitBytes,
    recordBytes: config.queueRecordLimitBytes,
    resultBytes: config.queueResultLimitBytes,
    resultTtlMs: config.resultTtlMs,
    deadBytes: config.queueDeadLimitBytes,
    keyTtlMs: config.idempotencyWindowMs,
    replicas: config.natsStreamReplicas,
  };
}
