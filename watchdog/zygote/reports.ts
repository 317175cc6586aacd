// What a zygote writes on descriptor 4, a line each (docs/prefork.md).

export type Report =
  /** It has loaded the function, and forks from now on. */
  | { readonly kind: 'ready' }
  /** Written by the forked process itself, once it leads its own group and has taken a request. */
  | { readonly kind: 'started'; readonly id: number; readonly pid: number }
  | { readonly kind: 'ended'; readonly pid: number; readonly exit: Exit }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };

export type Exit = { readonly exitCode: number } | { readonly signalCode: string };

/** Signals by number, as all architectures of Linux that Docker knows have them. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP', 2: 'SIGINT', 3: 'SIGQUIT', 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 7: 'SIGBUS', 8: 'SIGFPE', 9: 'SIGKILL',
  10: 'SIGUSR1', 11: 'SIGSEGV', 12: 'SIGUSR2', 13: 'SIGPIPE', 14: 'SIGALRM', 15: 'SIGTERM',
}; // biome-ignore format: a table

/** @throws {Error} for a line that is no report */
export function parseReport(line: string): Report {
  if (line === 'ready 1') return { kind: 'ready' };
  const [, kind, id, rest = ''] = /^(started|ended|failed) (\d{1,15})(?: (.+))?$/.exec(line) ?? [];
  if (kind === 'failed') return { kind, id: Number(id), reason: rest };
  if (kind === 'started' && /^[1-9]\d{0,9}$/.test(rest)) return { kind, id: Number(id), pid: Number(rest) };
  if (kind === 'ended' && /^-?\d{1,3}$/.test(rest))
    return { kind, pid: Number(id), exit: toExit(Number(rest)) };
  throw new Error(`${JSON.stringify(line.slice(0, 80))} is no report of a process that forks`);
}

function toExit(code: number): Exit {
  return code >= 0 ? { exitCode: code } : { signalCode: SIGNALS[-code] ?? `signal ${-code}` };
}
