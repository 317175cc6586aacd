import { createHash } from 'node:crypto';
import type { Secret } from 'dockerode';
import type { SecretRef } from '../../contract/parse-secret.ts';
import { FaasError } from '../errors.ts';
import { NAMESPACE_LABEL } from '../functions/labels.ts';
import type { Engine } from './engine.ts';

/** On Swarm secrets that functions may read: the platform's own credentials do not carry it. */
const OWNER_LABEL = 'com.openfaas.owner';
const OWNER = 'openfaas';
/** What functions and clients call it: the Swarm secrets of one such name in one namespace are its versions. */
const NAME_LABEL = 'skep.secret';
const VERSION_LABEL = 'skep.secret-version';

/** The longest name that Swarm takes for a secret. */
const LONGEST = 64;
const HASH_LENGTH = 10;

/** One Swarm secret: a version of what users call a secret. */
export interface SecretVersion {
  readonly ref: SecretRef;
  /** From 1; 0 is a secret made by hand, which has no version before or beside it. */
  readonly version: number;
  readonly id: string;
  readonly swarmName: string;
}

/** Every version of every secret for functions, the newest first. */
export async function listVersions(engine: Engine, defaultNamespace: string): Promise<SecretVersion[]> {
  const all = await listSwarmSecrets(engine);
  return all
    .flatMap((secret) => toVersion(secret, defaultNamespace) ?? [])
    .sort((a, b) => b.version - a.version);
}

/** What Swarm is asked to keep. Its name only has to be free: the labels tell what it is. */
export function toSwarmSecret(
  ref: SecretRef,
  version: number,
): { Name: string; Labels: Record<string, string> } {
  return {
    Name: toSwarmName(ref, version),
    Labels: {
      [OWNER_LABEL]: OWNER,
      [NAME_LABEL]: ref.name,
      [NAMESPACE_LABEL]: ref.namespace,
      [VERSION_LABEL]: String(version),
    },
  };
}

/**
 * Of each name the newest version, for a function of `namespace`.
 * @throws {FaasError} `invalid_request` for a name given twice, one that does not exist there, or one not meant for functions
 */
export async function findSecrets(
  engine: Engine,
  names: readonly string[],
  { namespace, defaultNamespace }: { readonly namespace: string; readonly defaultNamespace: string },
): Promise<Map<string, { id: string; swarmName: string }>> {
  const found = new Map<string, { id: string; swarmName: string }>();
  if (names.length === 0) return found;
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new FaasError('invalid_request', `secrets: ${repeated} is named twice`);
  const all = await listSwarmSecrets(engine);
  const choices = new Map<string, SecretVersion>();
  for (const secret of all) {
    const one = toVersion(secret, defaultNamespace);
    if (one?.ref.namespace !== namespace) continue;
    if ((choices.get(one.ref.name)?.version ?? -1) < one.version) choices.set(one.ref.name, one);
  }
  for (const name of names) {
    const chosen = choices.get(name);
    if (chosen === undefined) {
      const stranger = all.find(({ Spec }) => Spec?.Name === name);
      if (stranger !== undefined && stranger.Spec?.Labels?.[OWNER_LABEL] !== OWNER) {
        throw new FaasError(
          'invalid_request',
          `secret ${name} is not meant for functions: create it with \`docker secret create --label ${OWNER_LABEL}=${OWNER}\``,
        );
      }
      throw new FaasError(
        'invalid_request',
        `secret not found: ${name}; ${choices.size > 0 ? `possible choices: ${[...choices.keys()].sort().join(', ')}` : `there are no secrets for functions in ${namespace} yet`}`,
      );
    }
    found.set(name, { id: chosen.id, swarmName: chosen.swarmName });
  }
  return found;
}

function listSwarmSecrets(engine: Engine): Promise<Secret[]> {
  return engine.ask('list secrets', (docker, abortSignal) => docker.listSecrets({ abortSignal }));
}

/** A secret made by hand with the owner's label goes by its Swarm name, in the default namespace unless its label says another. */
function toVersion({ ID, Spec }: Secret, defaultNamespace: string): SecretVersion | undefined {
  const labels = Spec?.Labels ?? {};
  if (Spec?.Name === undefined || labels[OWNER_LABEL] !== OWNER) return undefined;
  const version = Number(labels[VERSION_LABEL]);
  return {
    ref: {
      name: labels[NAME_LABEL] ?? Spec.Name,
      namespace: labels[NAMESPACE_LABEL] ?? defaultNamespace,
    },
    version: Number.isSafeInteger(version) && version > 0 ? version : 0,
    id: ID,
    swarmName: Spec.Name,
  };
}

/** `name_namespace_v3`: no name and no namespace has an underscore, so two secrets never meet. */
function toSwarmName({ name, namespace }: SecretRef, version: number): string {
  const suffix = `_v${version}`;
  const whole = `${name}_${namespace}`;
  if (whole.length + suffix.length <= LONGEST) return whole + suffix;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_LENGTH);
  return `${name.slice(0, LONGEST - suffix.length - HASH_LENGTH - 1)}_${hash}${suffix}`;
}
