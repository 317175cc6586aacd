import { type ImageReference, parseImageReference } from './image-reference.ts';

/** An image's name of which there is but one for each image, by what names alone tell. */
export interface CanonicalImage {
  /** With its registry: `docker.io/library/debian`, `localhost:5000/team/fn`. */
  readonly repository: string;
  readonly tag: string;
}

/** Docker Hub and this machine have several names, and the tag may be left out; a digest is left out. @throws {ContractError} for what is no name */
export function canonicalImage(image: string): CanonicalImage {
  const { repository, registry, tag = 'latest' }: ImageReference = parseImageReference(image);
  const path = registry === undefined ? repository : repository.slice(registry.length + 1);
  const host = canonicalHost(registry ?? 'docker.io');
  const owned = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  return { repository: `${host}/${owned}`, tag };
}

function canonicalHost(registry: string): string {
  const [, name = '', port = ''] = /^(.*?)(?::(\d+))?$/.exec(registry.toLowerCase()) ?? [];
  if (/^(?:(?:index|registry-1|registry)\.)?docker\.io$/.test(name)) return 'docker.io';
  const isHere = /^(?:localhost|127(?:\.\d+){1,3}|0\.0\.0\.0|\[(?:0*:)*:?0*1?\])$/.test(name);
  return `${isHere ? 'localhost' : name}${port === '' ? '' : `:${port}`}`;
}
