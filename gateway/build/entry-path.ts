import { posix } from 'node:path';
import { FaasError } from '../errors.ts';

/** Longest path that Linux opens. */
const LONGEST_PATH = 4096;
const SHOWN = 200;

/**
 * The path of a tar's entry, without `./` and a trailing slash: `context/Dockerfile`; empty for the root itself.
 * @throws {FaasError} `invalid_request` for a path that leads out of the tar, and for one that no system opens
 */
export function parseEntryPath(name: string): string {
  if (name.length > LONGEST_PATH) {
    throw new FaasError(
      'invalid_request',
      `the tar has an entry whose name is longer than ${LONGEST_PATH} characters: ${quoted(name)}`,
    );
  }
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (name.startsWith('/') || name.includes('\0') || segments.includes('..')) {
    throw new FaasError('invalid_request', `the tar has an entry ${quoted(name)}, which leads out of it`);
  }
  return segments.join('/');
}

/** A name of the sender's for a message: on one line, and not longer than a line. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
}

/** Symbolic links of a build context, each of which stays inside it. */
export class ContextLinks {
  readonly #links = new Set<string>();

  /**
   * @param path of the link, from the context's root
   * @throws {FaasError} `invalid_request` for a target that is outside
   */
  add(path: string, target: string): void {
    const resolved = posix.normalize(posix.join(posix.dirname(path), target));
    if (target === '' || target.startsWith('/') || resolved === '..' || resolved.startsWith('../')) {
      throw new FaasError(
        'invalid_request',
        `${quoted(`context/${path}`)} is a link to ${quoted(target)}, outside the build context: copy the file in, or leave the link out`,
      );
    }
    this.#links.add(path);
  }

  /** An entry below a link is somewhere else than its path says. @throws {FaasError} `invalid_request` */
  check(path: string): void {
    if (this.#links.size === 0) return;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const above = path.slice(0, slash);
      if (!this.#links.has(above)) continue;
      throw new FaasError(
        'invalid_request',
        `the tar has an entry ${quoted(`context/${path}`)} below ${quoted(`context/${above}`)}, which is a link`,
      );
    }
  }
}
