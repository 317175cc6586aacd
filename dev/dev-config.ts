import { CliError, messageOf } from '../cli/errors.ts';
import { suggestionFor } from '../contract/suggestion.ts';
import { type GatewayConfig, loadConfig } from '../gateway/config.ts';

/** Settings of a gateway for one person: what it has of its own, and what `skep dev` sees to. */
const OWN: Readonly<Record<string, string>> = {
  gateway_workers: '1',
  metrics_port: '0',
  shutdown_delay: '0',
  access_log: 'all',
  // Nobody listens there: no Prometheus of something else is taken for ours.
  faas_prometheus_host: '127.0.0.1',
  faas_prometheus_port: '1',
  // A program of this machine may be told of results.
  callback_allow: '127.0.0.1,localhost',
  // Room in NATS is reserved, and this is a laptop.
  queue_limit_bytes: String(64 * 1024 * 1024),
  queue_later_limit_bytes: String(32 * 1024 * 1024),
  queue_body_limit_bytes: String(128 * 1024 * 1024),
  queue_record_limit_bytes: String(64 * 1024 * 1024),
  queue_result_limit_bytes: String(64 * 1024 * 1024),
  queue_dead_limit_bytes: String(32 * 1024 * 1024),
};

/** What a gateway of `skep dev` cannot be told. */
const FIXED = [
  'port',
  'gateway_workers',
  'basic_auth',
  'secret_mount_path',
  'faas_nats_address',
  'faas_nats_port',
  'cluster_name',
];

/**
 * @param given by the user
 * @param seenTo by `skep dev`
 * @throws {CliError} for a setting that is wrong, or not to be set here
 */
export function loadDevConfig(
  given: Readonly<Record<string, string>>,
  seenTo: Readonly<Record<string, string>>,
): GatewayConfig {
  const fixed = Object.keys(given).filter((key) => FIXED.includes(key));
  if (fixed.length > 0)
    throw new CliError(
      `--set ${fixed[0]}: skep dev sees to that itself; its flags say what can be chosen (skep dev --help)`,
    );
  const known = [...knownSettings()];
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = suggestionFor(key, known);
    throw new CliError(
      `--set ${key}: the gateway has no such setting${near === undefined ? '' : `; did you mean ${near}?`} (docs/configuration.md lists them)`,
    );
  }
  try {
    return loadConfig({ ...OWN, ...given, ...seenTo });
  } catch (error) {
    throw new CliError(messageOf(error), { cause: error });
  }
}

/** All that the gateway asks its environment for. */
function knownSettings(): ReadonlySet<string> {
  const asked = new Set<string>();
  loadConfig(
    new Proxy<Record<string, undefined>>(
      {},
      {
        get: (_, key) => {
          if (typeof key === 'string') asked.add(key);
          return undefined;
        },
      },
    ),
  );
  return asked;
}
