import type { Listener } from '../http1/types.ts';
import type { WatchdogConfig } from './config.ts';
import type { Health } from './health.ts';
import { log } from './log.ts';

export interface DrainOptions {
  readonly config: WatchdogConfig;
  readonly health: Health;
  readonly listener: Listener;
}

/**
 * Fails the health check, keeps serving for `healthcheck_interval` so that callers notice, then lets what is in flight
 * finish within `write_timeout`.
 */
export async function drain({ config, health, listener }: DrainOptions): Promise<void> {
  const { healthcheckIntervalMs, writeTimeoutMs } = config;
  log(`SIGTERM: no new connections in ${healthcheckIntervalMs / 1000}s`);
  health.markUnhealthy();
  await new Promise((resolve) => setTimeout(resolve, healthcheckIntervalMs));
  log(`No new connections allowed, draining: ${listener.inFlight} requests`);
  const cutOff = await listener.drain(writeTimeoutMs);
  log(`Exiting. Active connections: ${cutOff}`);
}
