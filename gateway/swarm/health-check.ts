import { parseDurationMs } from '../../contract/duration.ts';
import { FaasError } from '../errors.ts';

/** Swarm's health check; durations in nanoseconds. */
export interface SwarmHealthCheck {
  readonly Test: string[];
  readonly StartPeriod?: number;
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly Retries?: number;
}

const PREFIX = 'com.openfaas.health.http.';
const OLDEST_PATH = 'com.openfaas.http.path';
const DEFAULT_PATH = '/_/health';
/** No character that a shell reads as anything but itself. */
const PLAIN_PATH = /^\/[A-Za-z0-9._~/%-]*$/;
const NANOS_PER_MS = 1e6;

/**
 * Off unless asked for: an image's own health check would hold back its first request, and the gateway probes by itself.
 * Asked for by any `com.openfaas.health.http.*` annotation. The default path is checked by the watchdog's own client; any
 * other needs `wget` in the image.
 * @throws {FaasError} `invalid_request` that names the annotation
 */
export function toHealthCheck(annotations: Readonly<Record<string, string>>): SwarmHealthCheck {
  const isAsked = Object.keys(annotations).some((key) => key.startsWith(PREFIX) || key === OLDEST_PATH);
  if (!isAsked) return { Test: ['NONE'] };
  const failureThreshold = annotations[`${PREFIX}failureThreshold`] ?? '3';
  if (!/^[1-9]\d{0,3}$/.test(failureThreshold))
    throw bad('failureThreshold', failureThreshold, 'a whole number from 1');
  return {
    Test: toTest(annotations[`${PREFIX}path`] ?? annotations[OLDEST_PATH] ?? DEFAULT_PATH),
    StartPeriod: readNanos(annotations, { key: 'initialDelaySeconds', older: 'initialDelay', fallback: '2' }),
    Interval: readNanos(annotations, { key: 'periodSeconds', older: 'period', fallback: '2' }),
    Timeout: readNanos(annotations, { key: 'timeoutSeconds', older: 'timeout', fallback: '1' }),
    Retries: Number(failureThreshold),
  };
}

function toTest(path: string): string[] {
  if (!PLAIN_PATH.test(path)) throw bad('path', path, 'a path of letters, digits and ._~/%-');
  return path === DEFAULT_PATH
    ? ['CMD', 'fwatchdog', '-run-healthcheck']
    : ['CMD', 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:8080${path}`];
}

function readNanos(
  annotations: Readonly<Record<string, string>>,
  names: { readonly key: string; readonly older: string; readonly fallback: string },
): number {
  const text = annotations[PREFIX + names.key] ?? annotations[PREFIX + names.older] ?? names.fallback;
  try {
    const nanos = parseDurationMs(text) * NANOS_PER_MS;
    // Docker reads 0 as "take the image's value".
    if (nanos >= NANOS_PER_MS) return nanos;
  } catch {
    // The error below says more: it names the annotation.
  }
  throw bad(names.key, text, 'a number of seconds above 0');
}

function bad(key: string, text: string, expected: string): FaasError {
  return new FaasError(
    'invalid_request',
    `annotations: ${PREFIX}${key}: expected ${expected}, not ${JSON.stringify(text)}`,
  );
}
