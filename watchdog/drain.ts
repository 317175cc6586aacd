import { setTimeout as sleep } from 'node:timers/promises';
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
 * The last of the time in which calls are still taken: each answer asks to close. Callers then have no idle connection left on which
 * a call could meet its end, and the gateway, where it calls a replica that is to stop for want of another, turns away from it.
 */
const ASKS_TO_CLOSE_MS = 1000;

/**
 * Fails the health check, keeps serving for `healthcheck_interval` so that callers notice, then lets what is in flight
 * finish within `write_timeout`.
 */
export async function drain({ config, health, listener }: DrainOptions): Promise<void> {
  const { healthcheckIntervalMs, writeTimeoutMs } = config;
  log(`SIGTERM: no new connections in ${goDuration(healthcheckIntervalMs)}`);
  health.markUnhealthy();
  const lastMs = Math.min(ASKS_TO_CLOSE_MS, healthcheckIntervalMs / 2);
  await sleep(healthcheckIntervalMs - lastMs);
  const drained = listener.drain(writeTimeoutMs, lastMs);
  await sleep(lastMs);
  log(`No new connections allowed, draining: ${listener.inFlight} requests`);
  const cutOff = await drained;
  log(`Exiting. Active connections: ${cutOff}`);
}

/** `200ms`, `1.5s`, `1m30s`, as Go writes durations. */
export function goDuration(ms: number): string {
  if (ms > 0 && ms < 1000) return `${ms}ms`;
  const seconds = `${(ms % 60_000) / 1000}s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
