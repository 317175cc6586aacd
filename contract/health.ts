import { ContractError } from './contract-error.ts';
import type { VersionInfo } from './function-types.ts';
import { kindOf, ownValue, parseObject } from './parse-json.ts';

/** How one of the things that the gateway works with is. */
export interface HealthCheck {
  readonly ok: boolean;
  /** What answered, or `not configured`. */
  readonly detail?: string;
  /** Why it is not well, and what to do. */
  readonly error?: string;
  /** How long the look took. */
  readonly millis: number;
}

/**
 * `ok`: all is well. `degraded`: functions can be called and managed, and something else is missing. `down`: what the
 * gateway cannot work without is missing.
 */
export type HealthStatus = 'ok' | 'degraded' | 'down';

/** The answer of GET /system/health, ours. */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly version: VersionInfo;
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** The functions and replicas that the gateway knows. Both are left out until the cluster was read once. */
  readonly table: {
    /** RFC 3339: when the cluster was last read successfully. */
    readonly readAt?: string;
    readonly ageMillis?: number;
  };
}

const STATUSES: readonly unknown[] = ['ok', 'degraded', 'down'] satisfies readonly HealthStatus[];

/** Reads a report that a gateway sent; @throws {ContractError} when it is none */
export function parseHealthReport(value: unknown): HealthReport {
  const report = parseObject(value, 'the report');
  const status = ownValue(report, 'status');
  if (!STATUSES.includes(status)) {
    throw new ContractError(`status: expected ok, degraded or down, not ${kindOf(status)}`);
  }
  for (const [name, check] of Object.entries(parseObject(ownValue(report, 'checks'), 'checks'))) {
    const { ok, millis } = parseObject(check, `checks.${name}`);
    if (typeof ok !== 'boolean' || typeof millis !== 'number') {
      throw new ContractError(`checks.${name}: expected ok and millis`);
    }
  }
  const { release } = parseObject(ownValue(report, 'version'), 'version');
  if (typeof release !== 'string') throw new ContractError('version.release: expected a string');
  parseObject(ownValue(report, 'table'), 'table');
  return report as unknown as HealthReport;
}
