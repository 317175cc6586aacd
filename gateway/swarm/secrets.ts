import { FaasError } from '../errors.ts';
import type { Engine } from './engine.ts';

/** On Swarm secrets that functions may read: the platform's own credentials do not carry it. */
const OWNER_LABEL = 'com.openfaas.owner';
const OWNER = 'openfaas';

/**
 * The Swarm secret of each name.
 * @throws {FaasError} `invalid_request` for a name given twice, one that does not exist, or one not meant for functions
 */
export async function findSecrets(
  engine: Engine,
  names: readonly string[],
): Promise<Map<string, { id: string; swarmName: string }>> {
  const found = new Map<string, { id: string; swarmName: string }>();
  if (names.length === 0) return found;
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new FaasError('invalid_request', `secrets: ${repeated} is named twice`);
  const all = await engine.ask('list secrets', (docker, abortSignal) => docker.listSecrets({ abortSignal }));
  const isOurs = (labels: Readonly<Record<string, string>> | undefined): boolean =>
    labels?.[OWNER_LABEL] === OWNER;
  for (const name of names) {
    const secret = all.find(({ Spec }) => Spec?.Name === name);
    if (secret === undefined) {
      const choices = all.filter(({ Spec }) => isOurs(Spec?.Labels)).map(({ Spec }) => Spec?.Name);
      throw new FaasError(
        'invalid_request',
        `secret not found: ${name}; ${choices.length > 0 ? `possible choices: ${choices.join(', ')}` : 'there are no secrets for functions yet'}`,
      );
    }
    if (!isOurs(secret.Spec?.Labels)) {
      throw new FaasError(
        'invalid_request',
        `secret ${name} is not meant for functions: create it with \`docker secret create --label ${OWNER_LABEL}=${OWNER}\``,
      );
    }
    found.set(name, { id: secret.ID, swarmName: name });
  }
  return found;
}
