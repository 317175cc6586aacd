import { type CanonicalImage, canonicalImage } from '../../contract/canonical-image.ts';
import { ContractError } from '../../contract/contract-error.ts';
import { OWN_NAME, whyReservedImage } from '../../contract/reserved-image.ts';
import { FUNCTION_LABEL } from '../functions/labels.ts';
import type { Engine } from './engine.ts';
import { engineSentence, engineStatus, toFaasError } from './errors.ts';

/** Marks what was built here, with the name it was built by: what is left of it without a name may be removed. */
export const BUILT_HERE = 'com.skep.built';

/** Labels of an image that is built by this name. An image that is built on it elsewhere inherits them, and is told by its own name. */
export function builtHere(image: string): Record<string, string> {
  return { [BUILT_HERE]: spelling(canonicalImage(image)) };
}

function spelling({ repository, tag }: CanonicalImage): string {
  return `${repository}:${tag}`;
}

interface NamedService {
  readonly Spec?: {
    readonly Name?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly TaskTemplate?: { readonly ContainerSpec?: { readonly Image?: string } };
  };
}

/**
 * Why an image may not be built by this name, if so. One that took the name of what a service runs would be what it runs next, with all
 * that it may; one that took the name of a base image would be in whatever is built on it next.
 * @param mayReplace false: not over an image that is on the engine and was not built here either, nor by any tag of what a service runs
 * @throws {FaasError} `provider_unavailable`
 */
export async function whyNotBuilt(
  engine: Engine,
  image: string,
  { mayReplace }: { readonly mayReplace: boolean },
): Promise<string | undefined> {
  const wanted = spell(image);
  if (wanted === undefined) return `${image} is no name that an image can be built by`;
  const reserved = whyReservedImage(image);
  if (reserved !== undefined) return `${image}: ${reserved}: ${OWN_NAME}`;
  const same = (other: CanonicalImage): boolean =>
    other.repository === wanted.repository && (!mayReplace || other.tag === wanted.tag);
  const service = await serviceThatRuns(engine, same);
  if (service !== undefined) {
    return `${image} is ${mayReplace ? 'the image' : 'of the repository of the image'} of the service ${service}, which is no function: ${OWN_NAME}`;
  }
  if (!mayReplace && (await isForeign(engine, image, wanted))) {
    return `${image} is there already, and was not built through this API: ${OWN_NAME}`;
  }
  return undefined;
}

async function serviceThatRuns(
  engine: Engine,
  isMeant: (image: CanonicalImage) => boolean,
): Promise<string | undefined> {
  for (const { Spec } of await listServices(engine)) {
    if (Spec?.Labels?.[FUNCTION_LABEL] !== undefined) continue;
    const used = Spec?.TaskTemplate?.ContainerSpec?.Image ?? '';
    const names = /^(?:sha256:)?[0-9a-f]{64}$/.test(used) ? await namesOf(engine, used) : [used];
    if (names.some((name) => isSpelled(name, isMeant))) return Spec?.Name ?? 'without a name';
  }
  return undefined;
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

async function namesOf(engine: Engine, id: string): Promise<readonly string[]> {
  return (await inspect(engine, id))?.RepoTags ?? [];
}

async function isForeign(engine: Engine, image: string, name: CanonicalImage): Promise<boolean> {
  const there = await inspect(engine, image);
  return there !== undefined && there.Config?.Labels?.[BUILT_HERE] !== spelling(name);
}

async function inspect(
  engine: Engine,
  image: string,
): Promise<
  | {
      readonly RepoTags?: readonly string[] | null;
      readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null } | null;
    }
  | undefined
> {
  try {
    return await engine.call('inspect image', (docker) => docker.getImage(image).inspect());
  } catch (error) {
    if (engineStatus(error) === 404) return undefined;
    throw toFaasError(error, 'inspect image');
  }
}

function isSpelled(image: string, isMeant: (image: CanonicalImage) => boolean): boolean {
  const spelled = spell(image);
  return spelled !== undefined && isMeant(spelled);
}

/** Undefined for what is no name. */
function spell(image: string): CanonicalImage | undefined {
  try {
    return canonicalImage(image);
  } catch (error) {
    if (error instanceof ContractError) return undefined;
    throw error;
  }
}
