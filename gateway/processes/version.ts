import { randomUUID } from 'node:crypto';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { functionEnv } from '../functions/function-env.ts';
import { toStopGraceNanos } from '../swarm/stop-grace.ts';
import type { Runnable } from './runnable.ts';

/** Where a function finds its secrets: the folder of an image, which cannot be made here without root, and the variable that names it. */
const SECRETS_FOLDER = '/var/openfaas/secrets';
const SECRETS_KEY = 'SKEP_SECRETS';

/** Between SIGTERM and the last call that is taken. The gateway knows at once here. */
const SERVES_ON = '500ms';
/** For a watchdog to be done after the last answer. */
const LAST_STEPS_MS = 1000;
const NANOS_PER_MS = 1e6;

/** What replicas are started from. */
export interface Version {
  readonly id: string;
  /** The same for versions whose replicas cannot be told apart: they are not replaced. */
  readonly fingerprint: string;
  /** As it was sent, without the registry's password. */
  readonly deployment: FunctionDeployment;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its copies of secrets; undefined: it has none. */
  readonly secretsFolder: string | undefined;
  readonly stopGraceMs: number;
}

export interface VersionParts {
  readonly ref: FunctionRef;
  readonly deployment: FunctionDeployment;
  readonly runnable: Runnable;
  /** Of this machine. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Copies of the secrets, and what stands for their values. */
  readonly secrets: { readonly folder: string; readonly digest: string } | undefined;
}

/** @throws {FaasError} `invalid_request`: a variable that cannot be set */
export function toVersion({ ref, deployment, runnable, inherited, secrets }: VersionParts): Version {
  const own = Object.fromEntries(functionEnv(deployment, ref));
  const { folder } = secrets ?? {};
  const said = { healthcheck_interval: SERVES_ON, ...own };
  const env: Record<string, string> = { ...inherited, ...runnable.env, ...said };
  const found =
    folder === undefined
      ? env
      : {
          ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, inFolder(value, folder)])),
          [SECRETS_KEY]: folder,
        };
  const { labels: _l, annotations: _a, registryAuth: _r, ...kept } = deployment;
  const { registryAuth: _, ...stored } = structuredClone(deployment);
  return {
    id: randomUUID(),
    fingerprint: JSON.stringify([kept, runnable, secrets?.digest]),
    deployment: stored,
    folder: runnable.folder,
    // Both are free ones: the watchdog tells which it has.
    env: { ...found, port: '0', metrics_port: '0' },
    secretsFolder: folder,
    stopGraceMs: toStopGraceNanos(env) / NANOS_PER_MS + LAST_STEPS_MS,
  };
}

/** A path of a secret in an image, as the value of a variable, is that of the copy here. */
function inFolder(value: string, folder: string): string {
  return value === SECRETS_FOLDER || value.startsWith(`${SECRETS_FOLDER}/`)
    ? folder + value.slice(SECRETS_FOLDER.length)
    : value;
}
