import { FaasError } from '../errors.ts';

/** Longest path that Linux opens. */
const LONGEST_PATH = 4096;
/** Longest name of a file, in bytes. */
const LONGEST_NAME = 255;
/** Folders above a file. No project has so many; each costs a look. */
const DEEPEST = 128;
const SHOWN = 200;

/**
 * The path of a tar's entry, without `./` and a trailing slash: `context/Dockerfile`; empty for the root itself.
 * @throws {FaasError} `invalid_request` for a path that leads out of the tar, and for one that no system opens
 */
export function parseEntryPath(name: string): string {
  const refuse = (why: string): never => {
    throw new FaasError('invalid_request', `the tar has an entry ${why}: ${quoted(name)}`);
  };
  if (Buffer.byteLength(name) > LONGEST_PATH) refuse(`whose name is longer than ${LONGEST_PATH} bytes`);
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (name.startsWith('/') || name.includes('\0') || segments.includes('..')) {
    throw new FaasError('invalid_request', `the tar has an entry ${quoted(name)}, which leads out of it`);
  }
  if (segments.length > DEEPEST) refuse(`that is more than ${DEEPEST} folders deep`);
  if (segments.some((segment) => Buffer.byteLength(segment) > LONGEST_NAME)) {
    refuse(`with a file or folder whose name is longer than ${LONGEST_NAME} bytes`);
  }
  return segments.join('/');
}

/** A name of the sender's for a message: on one line, and not longer than a line. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
}
