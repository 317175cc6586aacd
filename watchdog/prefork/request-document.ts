/** Version of what is written here and of how a process says that it waits: `docs/prefork.md`. */
export const PREFORK_VERSION = '1';

/**
 * A request's environment for a process that was started before there was a request, as `docs/prefork.md` has it. A byte
 * that is not part of UTF-8 text is a lone surrogate in the values (see cgi-env.ts) and `\udcXX` in the JSON.
 */
export function requestDocument(variables: Readonly<Record<string, string>> | undefined): Buffer {
  return Buffer.from(JSON.stringify({ version: Number(PREFORK_VERSION), environment: variables ?? {} }));
}
