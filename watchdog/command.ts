/** What is executed for each request. */
export interface Command {
  /** Name of the executable as given, for messages and as argv[0]. */
  readonly name: string;
  /** Absolute path, or undefined when it is not on the PATH (yet). */
  readonly path: string | undefined;
  readonly args: readonly string[];
  /** Added to the process's environment. */
  readonly env: Readonly<Record<string, string>>;
}

export interface CommandContext {
  /** The watchdog's own executable, which is a whole `bun` when started with BUN_BE_BUN=1. */
  readonly selfPath: string;
  readonly searchPath: string | undefined;
}

/**
 * Resolves `fprocess`, split on single spaces: no quotes, no shell.
 * Where the image has no `bun`, the word `bun` means the watchdog's own executable.
 */
export function resolveCommand(words: readonly string[], { selfPath, searchPath }: CommandContext): Command {
  const [name = '', ...args] = words;
  const path = findExecutable(name, searchPath);
  if (path === undefined && name === 'bun') {
    return { name, path: selfPath, args, env: { BUN_BE_BUN: '1' } };
  }
  return { name, path, args, env: {} };
}

/** Absolute path of an executable, or undefined. A name with a slash is taken as a path. */
function findExecutable(name: string, searchPath: string | undefined): string | undefined {
  return Bun.which(name, { PATH: searchPath ?? '' }) ?? undefined;
}
