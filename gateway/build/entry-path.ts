import { posix } from 'node:path';
import { FaasError } from '../errors.ts';

/**
 * The path of a tar's entry, without `./` and a trailing slash: `context/Dockerfile`; empty for the root itself.
 * @throws {FaasError} `invalid_request` for a path that leads out of the tar
 */
export function parseEntryPath(name: string): string {
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (name.startsWith('/') || name.includes('\0') || segments.includes('..')) throw outside(name);
  return segments.join('/');
}

/**
 * Checks that a symbolic link stays inside the build context.
 * @param path of the link, from the context's root
 * @throws {FaasError} `invalid_request`
 */
export function checkLinkTarget(path: string, target: string): void {
  const resolved = posix.normalize(posix.join(posix.dirname(path), target));
  if (target === '' || target.startsWith('/') || resolved === '..' || resolved.startsWith('../')) {
    throw new FaasError(
      'invalid_request',
      `${JSON.stringify(`context/${path}`)} is a link to ${JSON.stringify(target)}, outside the build context: copy the file in, or leave the link out`,
    );
  }
}

function outside(name: string): FaasError {
  return new FaasError(
    'invalid_request',
    `the tar has an entry ${JSON.stringify(name)}, which leads out of it`,
  );
}
