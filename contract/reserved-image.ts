import { canonicalImage } from './canonical-image.ts';
import { BASE_REPOSITORIES, PLATFORM_IMAGE_OWNER } from './platform-images.ts';

const BASES: ReadonlySet<string> = new Set(
  BASE_REPOSITORIES.map((name) => `docker.io/${name.includes('/') ? name : `library/${name}`}`),
);

/** What to do about it. */
export const OWN_NAME = 'give what is built a name of its own, such as that of a user or team before it';

/**
 * Why no gateway builds an image by this name, if so, whoever asks for it.
 * @throws {ContractError} for what is no name
 */
export function whyReservedImage(image: string): string | undefined {
  const { repository } = canonicalImage(image);
  if (repository.startsWith(`docker.io/${PLATFORM_IMAGE_OWNER}/`))
    return `the images of ${PLATFORM_IMAGE_OWNER}/ are the platform's own`;
  if (BASES.has(repository)) return 'the platform and its templates are built on images of this name';
  return undefined;
}
