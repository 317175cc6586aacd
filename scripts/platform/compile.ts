import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Problem } from '../shell/problem.ts';
import { lastLines, runCommand } from '../shell/run-command.ts';

/** One single-file program: what it is made from, and its name in `dist/`. */
export interface Program {
  readonly name: string;
  readonly entryPoint: string;
  /** Bun's name of a platform other than this machine's; its runtime comes from the package registry, once. */
  readonly target?: string;
  /** Compiled ahead to the engine's bytecode, too: starts in half the time and is some MB larger. */
  readonly hasBytecode?: boolean;
}

export const PROGRAMS: readonly Program[] = [
  { name: 'gateway', entryPoint: 'gateway/main.ts', hasBytecode: true },
  { name: 'fwatchdog', entryPoint: 'watchdog/main.ts', hasBytecode: true },
  { name: 'skep', entryPoint: 'cli/main.ts', hasBytecode: true },
];

/** Native helpers that dependencies use when they are there, and do without when not: they are not bundled. */
const OPTIONAL_NATIVE = ['cpu-features'];

/** A program must not read settings from the folder it happens to be started in. */
const NO_AUTOLOAD = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'];

export interface Compiled {
  readonly file: string;
  /** A hash over all that went into the program: the same as long as nothing that matters to it changed. */
  readonly inputHash: string;
  readonly isNew: boolean;
}

/**
 * Compiles a program to `dist/`, unless the one that is there was made from the same inputs: its own bundle with everything it
 * imports and embeds, the version and commit stamped into it, and the compiler.
 * @throws {Problem} with the compiler's own words
 */
export async function compile(
  root: string,
  program: Program,
  { timeoutMs }: { readonly timeoutMs?: number } = {},
): Promise<Compiled> {
  const inputs = await inputsOf(root, program);
  const there = current(inputs);
  if (there !== undefined) return there;
  const { file, inputHash, entryPoint, define } = inputs;
  mkdirSync(join(root, 'dist'), { recursive: true });
  const fresh = `${file}.${process.pid}.new`;
  const defines = Object.entries(define).flatMap(([name, value]) => ['--define', `${name}=${value}`]);
  const externals = OPTIONAL_NATIVE.flatMap((name) => ['--external', name]);
  const target = program.target === undefined ? [] : [`--target=${program.target}`];
  const bytecode = program.hasBytecode === true ? ['--bytecode', '--format=esm'] : [];
  const options = [
    '--compile',
    ...target,
    ...bytecode,
    '--minify-syntax',
    ...NO_AUTOLOAD,
    ...externals,
    ...defines,
  ];
  const result = await runCommand([process.execPath, 'build', ...options, entryPoint, '--outfile', fresh], {
    cwd: root,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  if (result.timedOut) throw failed(program.name, `no result after ${(timeoutMs ?? 0) / 1000} s`);
  if (result.exitCode !== 0) throw failed(program.name, `${result.stdout}\n${result.stderr}`);
  chmodSync(fresh, 0o755);
  renameSync(fresh, file); // at once: somebody may be running the old one
  writeFileSync(recordOf(file), inputHash);
  return { file, inputHash, isNew: true };
}

/** The program in `dist/`, where it is there and made from the sources as they are. */
export async function findCompiled(root: string, program: Program): Promise<Compiled | undefined> {
  return current(await inputsOf(root, program));
}

interface Inputs {
  readonly file: string;
  readonly entryPoint: string;
  readonly define: Record<string, string>;
  readonly inputHash: string;
}

async function inputsOf(root: string, program: Program): Promise<Inputs> {
  const entryPoint = join(root, program.entryPoint);
  if (!existsSync(entryPoint)) {
    throw new Problem(`${program.entryPoint} is not there`, 'Is this a whole checkout? `git status` tells.');
  }
  const bundled = await bundle(root, entryPoint, program.name, {});
  const define = await stamps(root, bundled.inputs);
  const stamped = await bundle(root, entryPoint, program.name, define);
  const inputHash = createHash('sha256')
    .update(JSON.stringify([Bun.version, Bun.revision, process.arch, program, NO_AUTOLOAD]))
    .update(stamped.hash)
    .digest('hex');
  return { file: join(root, 'dist', program.name), entryPoint, define, inputHash };
}

function current({ file, inputHash }: Inputs): Compiled | undefined {
  const record = recordOf(file);
  const isCurrent = existsSync(file) && existsSync(record) && readFileSync(record, 'utf8') === inputHash;
  return isCurrent ? { file, inputHash, isNew: false } : undefined;
}

function recordOf(file: string): string {
  return `${file}.inputs`;
}

async function bundle(root: string, entryPoint: string, name: string, define: Record<string, string>) {
  const result = await Bun.build({
    entrypoints: [entryPoint],
    root,
    target: 'bun',
    external: OPTIONAL_NATIVE,
    define,
    metafile: true,
    throw: false,
  });
  if (!result.success) throw failed(name, result.logs.map(String).join('\n'));
  const hash = createHash('sha256');
  for (const output of result.outputs) hash.update(new Uint8Array(await output.arrayBuffer()));
  const inputs = Object.keys(result.metafile?.inputs ?? {}).map((path) =>
    relative(root, join(process.cwd(), path)),
  );
  return { hash: hash.digest(), inputs };
}

/**
 * Version and commit, as constants for the program. The commit is the last one that touched the program's own sources, so that a
 * change elsewhere neither rebuilds nor restarts it.
 */
async function stamps(root: string, inputs: readonly string[]): Promise<Record<string, string>> {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const own = inputs.filter((path) => !path.startsWith('node_modules/') && !path.startsWith('..'));
  const git = (...words: string[]) => runCommand(['git', ...words, '--', ...own], { cwd: root });
  const [log, status] = await Promise.all([git('log', '-1', '--format=%H'), git('status', '--porcelain')]);
  const isKnown = log.exitCode === 0 && log.stdout.trim() !== '';
  const commit = isKnown ? log.stdout.trim() + (status.stdout.trim() === '' ? '' : '-changed') : 'unknown';
  return {
    'process.env.SKEP_VERSION': JSON.stringify(manifest.version),
    'process.env.SKEP_COMMIT': JSON.stringify(commit),
  };
}

function failed(name: string, output: string): Problem {
  return new Problem(
    `compiling ${name} failed:\n${lastLines(output, 25)}`,
    'Mend the source as the message says; `npm run check` shows more.',
  );
}
