/** Where every watchdog tells of its health. */
const HEALTH_PATH = '/_/health';

/** Where a function tells of its health. */
export function healthPath(annotations: Readonly<Record<string, string>>): string {
  const path = annotations['com.openfaas.health.http.path'] ?? annotations['com.openfaas.http.path'];
  return path?.startsWith('/') ? path : HEALTH_PATH;
}
