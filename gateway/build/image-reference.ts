import { FaasError } from '../errors.ts';

/** An image's name in its parts, as Docker reads it. */
export interface ImageReference {
  /** `registry:5000/owner/name` */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
  /** The registry that the first part names (it holds a dot or a colon, or is `localhost`); undefined: Docker Hub. */
  readonly registry?: string;
}

const REGISTRY = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?$/;
const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAIL = /^([^:@]+)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;
const LONGEST = 255;

/** @throws {FaasError} `invalid_request` that names the field `image` */
export function parseImageReference(text: string): ImageReference {
  const parts = text.length > LONGEST + 200 ? [] : text.split('/');
  const first = parts[0] ?? '';
  const registry = parts.length > 1 && (/[.:]/.test(first) || first === 'localhost') ? first : undefined;
  const path = registry === undefined ? parts : parts.slice(1);
  const [, name = '', tag, digest] = TAIL.exec(path.at(-1) ?? '') ?? [];
  const names = [...path.slice(0, -1), name];
  const isGood =
    (registry === undefined || REGISTRY.test(registry)) &&
    names.every((part) => PART.test(part)) &&
    names.join('/').length <= LONGEST;
  if (!isGood) {
    throw new FaasError(
      'invalid_request',
      `image: ${JSON.stringify(text.slice(0, LONGEST))} is not the name of an image: write it as owner/name:tag or registry.example.com/owner/name:tag, in lower case`,
    );
  }
  return {
    repository: [...(registry === undefined ? [] : [registry]), ...names].join('/'),
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    ...(registry !== undefined && { registry }),
  };
}
