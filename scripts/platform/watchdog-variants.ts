import { type Compiled, compile, findCompiled, PROGRAMS, type Program } from './compile.ts';

const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'x64';
const WATCHDOG = PROGRAMS.filter(({ name }) => name === 'fwatchdog');

const TARGETS = [
  { name: 'fwatchdog-musl', target: `bun-linux-${ARCHITECTURE}-musl` },
  ARCHITECTURE === 'x64'
    ? { name: 'fwatchdog-arm64', target: 'bun-linux-arm64' }
    : { name: 'fwatchdog-amd64', target: 'bun-linux-x64' },
];

/** The watchdog for images unlike this machine: Alpine and its like, and the other of the two processors. */
export const WATCHDOG_VARIANTS: readonly Program[] = TARGETS.flatMap((variant) =>
  WATCHDOG.map((program) => ({ ...program, ...variant })),
);

/** A download that takes longer is given up: the platform runs without the variants. */
const TIMEOUT_MS = 20_000;

export interface Variants {
  readonly compiled: readonly Compiled[];
  /** One sentence about what is missing and how to get it; undefined when nothing is. */
  readonly missing: string | undefined;
}

/**
 * Finds or compiles the variants. Their runtimes come from the package registry when they are needed for the first time; where it
 * is out of reach a variant is missing and that is no failure.
 * @param isNew the watchdog itself was just compiled; otherwise only what is there is taken, so that a machine without a
 * registry does not wait for it each time
 */
export async function ensureVariants(root: string, isNew: boolean): Promise<Variants> {
  const results = await Promise.allSettled(
    WATCHDOG_VARIANTS.map((variant) =>
      isNew ? compile(root, variant, { timeoutMs: TIMEOUT_MS }) : findCompiled(root, variant),
    ),
  );
  const compiled = results.flatMap((result) =>
    result.status === 'fulfilled' && result.value !== undefined ? [result.value] : [],
  );
  if (compiled.length === WATCHDOG_VARIANTS.length) return { compiled, missing: undefined };
  const names = WATCHDOG_VARIANTS.map(({ name }) => name).filter(
    (name) => !compiled.some(({ file }) => file.endsWith(`/${name}`)),
  );
  const advice = '`npm run build -- --all` says why, then run this again';
  return { compiled, missing: `skep/watchdog is without ${names.join(' and ')}: ${advice}.` };
}
