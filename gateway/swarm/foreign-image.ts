import { ContractError } from '../../contract/contract-error.ts';
import { parseImageReference } from '../../contract/image-reference.ts';
import type { Engine } from './engine.ts';
import { engineSentence, toFaasError } from './errors.ts';
import { FUNCTION_LABEL } from './function-labels.ts';

interface NamedService {
  readonly Spec?: {
    readonly Name?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly TaskTemplate?: { readonly ContainerSpec?: { readonly Image?: string } };
  };
}

/**
 * The service that runs an image by this name and is no function, if there is one: the gateway itself, or anything else of the swarm.
 * An image that took its name would be what it runs next, with all that it may.
 * @throws {FaasError} `provider_unavailable`
 */
export async function serviceThatRuns(engine: Engine, image: string): Promise<string | undefined> {
  const name = canonical(image);
  const services = await listServices(engine);
  const found = services.find(({ Spec }) => {
    const used = Spec?.TaskTemplate?.ContainerSpec?.Image ?? '';
    return Spec?.Labels?.[FUNCTION_LABEL] === undefined && name !== undefined && canonical(used) === name;
  });
  return found?.Spec?.Name;
}

async function listServices(engine: Engine): Promise<readonly NamedService[]> {
  try {
    const services: unknown[] = await engine.call('list services', (docker) => docker.listServices());
    return services as NamedService[];
  } catch (error) {
    if (/not a swarm manager/i.test(engineSentence(error))) return []; // an engine by itself has none
    throw toFaasError(error, 'list services');
  }
}

/** One spelling of an image's name and tag, whatever digest it is pinned by; undefined for an id. */
function canonical(image: string): string | undefined {
  try {
    const { repository, tag = 'latest', registry } = parseImageReference(image);
    const path = registry === undefined ? repository : repository.slice(registry.length + 1);
    const isHub = registry === undefined || registry === 'docker.io' || registry === 'index.docker.io';
    if (!isHub) return `${repository}:${tag}`;
    return `docker.io/${path.includes('/') ? path : `library/${path}`}:${tag}`;
  } catch (error) {
    if (error instanceof ContractError) return undefined;
    throw error;
  }
}
