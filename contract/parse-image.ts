import { ContractError } from './contract-error.ts';

const LONGEST_REFERENCE = 512;
const HOST = /^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * An image reference by Docker's grammar, given back as it came: `alpine`, `reg.local:5000/team/fn:1.2`, `fn@sha256:…`.
 * @throws {ContractError} that tells which part is wrong
 */
export function parseImage(text: string, field = 'image'): string {
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
  const parts = (tagColon === -1 ? named : named.slice(0, tagColon)).split('/');
  const first = parts[0] ?? '';
  if (parts.length > 1 && /[.:]|^localhost$|[A-Z]/.test(first)) {
    if (!HOST.test(first)) refuse('begins with a registry that is not a host or host:port');
    parts.shift();
  }
  if (!parts.every((part) => PATH_PART.test(part))) {
    refuse('is not an image name: expected lower-case letters, digits and . _ - between slashes');
  }
  return text;
}
