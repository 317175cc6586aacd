import { ContractError } from './contract-error.ts';
import { parseImageReference, registryOf } from './image-reference.ts';

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

/** Whether an image goes to a registry that its own name tells. */
export function namesRegistry(image: string): boolean {
  return registryOf(image) !== undefined;
}

/** @throws {ContractError} saying what is wrong with a reference that Docker would refuse */
export function checkImage(image: string, functionName: string): void {
  if (image === '')
    throw new ContractError(
      `function ${functionName} has no image: give it "image:" in the stack file or --image`,
    );
  try {
    parseImageReference(image);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const hint = /[A-Z]/.test(image) ? 'use lower case only' : 'expected [registry/]name[:tag]';
    throw new ContractError(`function ${functionName}: "${image}" is no valid image name: ${hint}`, {
      cause: error,
    });
  }
}
