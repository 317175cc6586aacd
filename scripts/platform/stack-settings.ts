import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GRAFANA_IMAGE } from '../base-images/catalog.ts';
import { Problem } from '../shell/problem.ts';

/** The configuration files of `stack.yml` by the variable that puts their hash into the config's name. */
export const CONFIG_FILES: Readonly<Record<string, string>> = {
  SKEP_HASH_PROMETHEUS: 'prometheus/prometheus.yml',
  SKEP_HASH_ALERT_RULES: 'prometheus/alert.rules.yml',
  SKEP_HASH_RECORDING_RULES: 'prometheus/recording.rules.yml',
  SKEP_HASH_PEOPLE_RULES: 'prometheus/people.rules.yml',
  SKEP_HASH_ALERTMANAGER: 'prometheus/alertmanager.yml',
  SKEP_HASH_NATS: 'nats/nats-server.conf',
  SKEP_HASH_GRAFANA_DATASOURCE: 'grafana/provisioning/datasource.yml',
  SKEP_HASH_GRAFANA_DASHBOARDS: 'grafana/provisioning/dashboards.yml',
  SKEP_HASH_GRAFANA_OVERVIEW: 'grafana/dashboards/overview.json',
  SKEP_HASH_GRAFANA_FUNCTION: 'grafana/dashboards/function.json',
  SKEP_HASH_GRAFANA_QUEUE: 'grafana/dashboards/queue.json',
  SKEP_HASH_GRAFANA_PLATFORM: 'grafana/dashboards/platform.json',
};

export const PROMETHEUS_IMAGE = 'prom/prometheus:v2.42.0';

/** The images of `stack.yml` that are not ours, by the variable that takes their id. */
export const IMAGE_IDS: Readonly<Record<string, string>> = {
  SKEP_ID_PROMETHEUS: PROMETHEUS_IMAGE,
  SKEP_ID_ALERTMANAGER: 'prom/alertmanager:v0.25.0',
  SKEP_ID_NATS: 'nats:2.9.10',
  SKEP_ID_GRAFANA: GRAFANA_IMAGE,
};

export interface StackSettings {
  readonly root: string;
  /** With its content tag, e.g. `skep/gateway:3f2a…`. */
  readonly gatewayImage: string;
  readonly hasGrafana: boolean;
  /** Image ids by name; an image that is not there has none. */
  readonly imageIds: ReadonlyMap<string, string>;
  /** The version of the admin's password: `basic-auth-password_v2`. */
  readonly passwordSecret: string;
  /** The engine's socket on its own machine. */
  readonly dockerSocket: string;
}

/** @throws {Problem} for what the engine takes for another number, or none */
export function checkQueueWorkers({
  SKEP_QUEUE_WORKERS: count = '',
}: Readonly<Record<string, string | undefined>>): void {
  if (/^\d{0,3}$/.test(count)) return;
  throw new Problem(
    `SKEP_QUEUE_WORKERS=${count} is no number of workers`,
    'Set it to a number from 0 to 999, or unset it.',
  );
}

/** The environment with which `stack.yml` describes exactly this state of the sources. */
export function stackEnvironment(settings: StackSettings): Record<string, string> {
  const hashes = Object.entries(CONFIG_FILES).map(([variable, file]) => [
    variable,
    createHash('sha256')
      .update(readFileSync(join(settings.root, file)))
      .digest('hex')
      .slice(0, 12),
  ]);
  return {
    ...Object.fromEntries(hashes),
    ...Object.fromEntries(
      Object.entries(IMAGE_IDS).map(([variable, image]) => [variable, settings.imageIds.get(image) ?? '']),
    ),
    SKEP_GATEWAY_IMAGE: settings.gatewayImage,
    SKEP_GRAFANA_REPLICAS: settings.hasGrafana ? '1' : '0',
    SKEP_DOCKER_SOCKET: settings.dockerSocket,
    SKEP_PASSWORD_SECRET: settings.passwordSecret,
  };
}
