import { existsSync } from 'node:fs';
import type { Command } from './command.ts';

/** The words for system errors that callers of the contract's watchdog know. */
const TEXTS: Readonly<Record<string, string>> = {
  E2BIG: 'argument list too long',
  EACCES: 'permission denied',
  EAGAIN: 'resource temporarily unavailable',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
  ENOMEM: 'cannot allocate memory',
  ETXTBSY: 'text file busy',
};

/** Why no executable was found: `exec: "x": executable file not found in $PATH`, or `fork/exec ./x: permission denied`. */
export function notFoundText(name: string): string {
  if (!name.includes('/')) return `exec: "${name}": executable file not found in $PATH`;
  return `fork/exec ${name}: ${existsSync(name) ? 'permission denied' : 'no such file or directory'}`;
}

/** Why an executable that was found did not start. `fork/exec /bin/x: exec format error` */
export function startErrorText({ name, path }: Command, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return `fork/exec ${name.includes('/') ? name : path}: ${TEXTS[code] ?? message}`;
}
