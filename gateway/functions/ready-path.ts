/** Where every watchdog tells of its health. */
const HEALTH_PATH = '/_/health';

/** Where a replica tells whether it takes calls: its own path for that, else that of its health. */
const PATHS = ['com.openfaas.ready.http.path', 'com.openfaas.health.http.path', 'com.openfaas.http.path'];

export function readyPath(annotations: Readonly<Record<string, string>>): string {
  const paths = PATHS.map((name) => annotations[name]);
  return paths.find((path) => path?.startsWith('/')) ?? HEALTH_PATH;
}
