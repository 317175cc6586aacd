import type { AuthConfig } from 'dockerode';
import { parseImageReference } from '../../contract/image-reference.ts';
import { byContract } from '../functions/by-contract.ts';
import type { Engine } from './engine.ts';
import { engineStatus } from './errors.ts';

/** How a deployed image is to be written into a service, so that every replica runs the same one. */
export interface ResolvedImage {
  /** As deployed, with the registry's digest where one was told; the id of an image that was only ever here. */
  readonly image: string;
  /** The id of the image on this node, when no digest could be told. */
  readonly localImageId?: string;
  /** The image's own environment, when it is on this node. */
  readonly imageEnv: Readonly<Record<string, string>>;
}

/** A registry that does not answer must not hold up a deployment for long: the digest is a gain, not a need. */
const REGISTRY_LIMIT_MS = 5000;

/**
 * Pins the image: by its registry's digest, or else by the local image's id. An image that is neither here nor in a
 * registry that can be reached is deployed as named: the replicas then tell what the nodes make of it.
 * @throws {FaasError} `invalid_request` for what is no image name, `provider_unavailable`
 */
export async function resolveImage(
  engine: Engine,
  image: string,
  auth: AuthConfig | undefined,
): Promise<ResolvedImage> {
  const reference = byContract(() => parseImageReference(image));
  const local = await inspectLocal(engine, image);
  const imageEnv = local?.env ?? {};
  if (reference.digest !== undefined) return { image, imageEnv };
  // An image that was built here and never pushed nor pulled. Where its name names no registry, Docker Hub may hold
  // somebody else's under it: that is not asked for.
  const isLocalOnly = local !== undefined && local.repoDigests.length === 0;
  const isAsked = !isLocalOnly || reference.registry !== undefined;
  const digest = isAsked ? await askRegistry(engine, image, auth) : undefined;
  if (digest !== undefined) return { image: `${image}@${digest}`, imageEnv };
  if (local === undefined) return { image, imageEnv };
  // By its name the nodes would try to pull it at each start, and run whatever they got.
  return { image: isLocalOnly ? local.id : image, imageEnv, localImageId: local.id };
}

async function inspectLocal(
  engine: Engine,
  image: string,
): Promise<{ id: string; repoDigests: readonly string[]; env: Record<string, string> } | undefined> {
  return engine.ask('inspect image', async (docker) => {
    try {
      const found = await docker.getImage(image).inspect();
      const env = (found.Config?.Env ?? []).map((line): [string, string] => {
        const equals = line.indexOf('=');
        return [line.slice(0, equals), line.slice(equals + 1)];
      });
      return { id: found.Id, repoDigests: found.RepoDigests ?? [], env: Object.fromEntries(env) };
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      throw error;
    }
  });
}

async function askRegistry(
  engine: Engine,
  image: string,
  auth: AuthConfig | undefined,
): Promise<string | undefined> {
  try {
    const answer: unknown = await engine.call(
      'ask the registry',
      (docker) => docker.getImage(image).distribution(auth === undefined ? {} : { authconfig: auth }),
      REGISTRY_LIMIT_MS,
    );
    const descriptor = (answer as { Descriptor?: { digest?: unknown } } | null)?.Descriptor;
    return typeof descriptor?.digest === 'string' ? descriptor.digest : undefined;
  } catch {
    return undefined; // No registry, no such image there, no rights: whether it can run is for the nodes to say.
  }
}
