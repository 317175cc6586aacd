import { dlopen, FFIType, ptr } from 'bun:ffi';
import { WATCHDOG_ROLE } from '../contract/watchdog-role.ts';
import { SYSTEM_LIBRARY } from './system-library.ts';

// Variables are bytes, and a client may send any in a header or, escaped, in a path. Strings of JavaScript become UTF-8 when a
// process is started. A byte that is no UTF-8 is a lone surrogate until then (lossless-text.ts), and a process that is to get one
// is started by way of this executable, which puts the bytes into place and executes the program.

/** First argument of the executable when it is only to execute another program. */
export const EXEC_FLAG = '-exec-with-raw-env';
/** Before the names of variables whose bytes are written one per character. */
const PREFIX = 'SKEP_RAW_';
/** Ignored by this runtime, which a program would inherit: SIGPIPE and SIGXFSZ. */
const IGNORED_SIGNALS = [13, 25];

/** The bytes again, one per character. */
function encodeRaw(text: string): string {
  let latin1 = '';
  for (const character of text) {
    const code = character.charCodeAt(0);
    const isByte = character.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    latin1 += isByte ? String.fromCharCode(code - 0xdc00) : Buffer.from(character).toString('latin1');
  }
  return latin1;
}

export interface Start {
  readonly cmd: string[];
  readonly argv0: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The same start by way of this executable where a variable has bytes that are no UTF-8. */
export function withRawBytes(start: Start, needsHiding: Readonly<Record<string, string>>): Start {
  const { cmd, argv0 } = start;
  if (Object.values(start.env).every((value) => value.isWellFormed())) return start;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(start.env)) {
    // What would change this executable's own start is for the program alone.
    if (value.isWellFormed() && !(name in needsHiding)) env[name] = value;
    else env[PREFIX + name] = encodeRaw(value);
  }
  const isCompiled = Bun.main.startsWith('/$bunfs/');
  const self = isCompiled ? [process.execPath] : [process.execPath, Bun.main];
  const role = process.argv[2] === WATCHDOG_ROLE ? [WATCHDOG_ROLE] : [];
  return { cmd: [...self, ...role, EXEC_FLAG, argv0, ...cmd], argv0: process.execPath, env };
}

/**
 * Becomes the program that `args` names: argv[0], its path, its arguments.
 * @returns why that was not possible
 */
export function execWithRawEnv(
  [argv0 = '', path = '', ...rest]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string {
  const libc = dlopen(SYSTEM_LIBRARY, {
    execve: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    signal: { args: [FFIType.i32, FFIType.u64], returns: FFIType.u64 },
  });
  const variables = Object.entries(env).map(([name, value = '']) =>
    name.startsWith(PREFIX)
      ? Buffer.from(`${name.slice(PREFIX.length)}=${value}\0`, 'latin1')
      : Buffer.from(`${name}=${value}\0`),
  );
  const words = [argv0, ...rest].map((word) => Buffer.from(`${word}\0`));
  const program = Buffer.from(`${path}\0`);
  for (const signal of IGNORED_SIGNALS) libc.symbols.signal(signal, 0n);
  libc.symbols.execve(ptr(program), ptr(pointers(words)), ptr(pointers(variables)));
  return `cannot execute ${path}`;
}

function pointers(strings: readonly Buffer[]): BigUint64Array {
  return BigUint64Array.from([...strings.map((string) => BigInt(ptr(string))), 0n]);
}
