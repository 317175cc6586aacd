import { ContractError } from './contract-error.ts';

export const TAG_FORMATS = ['latest', 'sha', 'branch', 'describe', 'digest'] as const;
export type TagFormat = (typeof TAG_FORMATS)[number];

/** What the chosen format needs from the outside; only that is asked for. */
export interface TagFacts {
  readonly sha?: string;
  readonly branch?: string;
  readonly describe?: string;
  /** md5 over the handler folder. */
  readonly digest?: string;
}

/** @throws {ContractError} listing the formats */
export function parseTagFormat(text: string): TagFormat {
  const found = TAG_FORMATS.find((format) => format === text.toLowerCase());
  if (!found) throw new ContractError(`unknown tag format "${text}": use one of ${TAG_FORMATS.join(', ')}`);
  return found;
}

/**
 * The image reference that a build or deployment uses: `:latest` is added where the last path part has no tag, then
 * the format's part is appended (or, for `digest`, takes the tag's place).
 * @throws {ContractError} when a fact is missing, or the image is pinned by digest
 */
export function taggedImage(image: string, format: TagFormat, facts: TagFacts = {}): string {
  const nameStart = image.lastIndexOf('/') + 1;
  const withTag = image.slice(nameStart).includes(':') ? image : `${image}:latest`;
  if (format === 'latest') return withTag;
  if (image.includes('@'))
    throw new ContractError(`image ${image} is pinned by digest: --tag=${format} cannot change it`);
  switch (format) {
    case 'sha':
      return `${withTag}-${tagPart(facts.sha, format)}`;
    case 'branch':
      return `${withTag}-${tagPart(facts.branch, format)}-${tagPart(facts.sha, format)}`;
    case 'describe':
      return `${withTag}-${tagPart(facts.describe, format)}`;
    case 'digest':
      return `${withTag.slice(0, withTag.lastIndexOf(':'))}:${tagPart(facts.digest, format)}`;
  }
}

/** A branch such as `fix/a` has characters that no tag may hold. */
function tagPart(text: string | undefined, format: TagFormat): string {
  if (text === undefined || text === '') throw new ContractError(`no value for the tag format "${format}"`);
  return text.replaceAll(/[^\w.-]/g, '-');
}

/** Docker's own rule: the first part is a registry when it has a dot or a colon, or is `localhost`. */
export function namesRegistry(image: string): boolean {
  const slash = image.indexOf('/');
  if (slash === -1) return false;
  const first = image.slice(0, slash);
  return first.includes('.') || first.includes(':') || first === 'localhost';
}

const IMAGE_PATTERN =
  /^(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** @throws {ContractError} saying what is wrong with a reference that Docker would refuse */
export function checkImage(image: string, functionName: string): void {
  if (image === '')
    throw new ContractError(
      `function ${functionName} has no image: give it "image:" in the stack file or --image`,
    );
  const [first = ''] = image.split('/');
  // Docker takes a first part with capitals for a registry; whoever writes one means a user.
  const isShouted = /[A-Z]/.test(first) && image.includes('/') && !namesRegistry(image);
  if (image.length > 512 || isShouted || !IMAGE_PATTERN.test(image)) {
    const hint = /[A-Z]/.test(image) ? 'use lower case only' : 'expected [registry/]name[:tag]';
    throw new ContractError(`function ${functionName}: "${image}" is no valid image name: ${hint}`);
  }
}
