import { ContractError } from './contract-error.ts';

/** An image's name in its parts, as Docker reads it. */
export interface ImageReference {
  /** `registry:5000/owner/name` */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
  /** The registry that the first part names; undefined: Docker Hub. */
  readonly registry?: string;
}

const LONGEST_REFERENCE = 512;
const LONGEST_NAME = 255;
const HOST = /^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** The first part where it is a registry by Docker's rule (a dot, a colon or `localhost`); of any text, right or wrong. */
export function registryOf(image: string): string | undefined {
  const slash = image.indexOf('/');
  const first = slash === -1 ? '' : image.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' ? first : undefined;
}

/**
 * An image's name by Docker's grammar: `alpine`, `reg.local:5000/team/fn:1.2`, `fn@sha256:…`. A first part with capitals
 * is refused, though newer engines take it for a registry: whoever writes one means a user.
 * @throws {ContractError} that begins with `field` and tells which part is wrong
 */
export function parseImageReference(text: string, field = 'image'): ImageReference {
  const refuse = (why: string): never => {
    throw new ContractError(`${field}: ${JSON.stringify(text.slice(0, 100))} ${why}`);
  };
  if (text.length > LONGEST_REFERENCE) refuse(`is longer than ${LONGEST_REFERENCE} characters`);
  const [named = '', digest, ...rest] = text.split('@');
  if (rest.length > 0 || (digest !== undefined && !DIGEST.test(digest))) {
    refuse('has a digest that is not @sha256: and 64 hexadecimal digits');
  }
  const tagColon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = tagColon === -1 ? undefined : named.slice(tagColon + 1);
  if (tag !== undefined && !TAG.test(tag)) refuse(`has a tag that is not one: ${JSON.stringify(tag)}`);
  const repository = tagColon === -1 ? named : named.slice(0, tagColon);
  const registry = registryOf(repository);
  if (registry !== undefined && !HOST.test(registry)) {
    refuse('begins with a registry that is not a host or host:port');
  }
  const path = registry === undefined ? repository : repository.slice(registry.length + 1);
  if (path.length > LONGEST_NAME || !path.split('/').every((part) => PATH_PART.test(part))) {
    refuse(
      'is not an image name: expected lower-case letters, digits and . _ - between slashes, at most 255 characters',
    );
  }
  return {
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    ...(registry !== undefined && { registry }),
  };
}
