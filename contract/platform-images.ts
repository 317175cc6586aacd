/** The platform's own images are `skep/NAME`. */
export const PLATFORM_IMAGE_OWNER = 'skep';

/** Repositories on Docker Hub that the platform, its templates and its examples are built on: whoever made them over would be in all of these. */
export const BASE_REPOSITORIES: readonly string[] = [
  'composer',
  'debian',
  'golang',
  'grafana/grafana',
  'haproxy',
  'maven',
  'nats',
  'node',
  'php',
  'prom/alertmanager',
  'prom/prometheus',
  'python',
  'registry',
  'ruby',
  'rust',
];
