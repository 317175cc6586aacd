import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isFunctionName } from '../../contract/function-ref.ts';
import type { StackFile, StackFunction } from '../../contract/stack-file.ts';
import { addBuildFlags, type BuildFlags, buildSettings, functionsToBuild } from '../build/build-flags.ts';
import { type BuildSettings, buildFunctions } from '../build/build-functions.ts';
import { deploymentOf, NO_OVERRIDES } from '../deploy/deployment-of.ts';
import { CliError, messageOf } from '../errors.ts';
import { listFlag, parseNumberFlag, parsePairs, switchFlag } from '../flags.ts';
import { type ForegroundContainer, runContainer } from '../foreground-container.ts';
import { DEFAULT_STACK_FILES } from '../load-stack.ts';
import { freePort, localRunArguments, requireSecretFiles } from '../local-run.ts';
import type { Shell } from '../shell.ts';
import { EndSignals } from '../stoppable.ts';

const WATCH_QUIET_MS = 500;

interface LocalRunFlags extends BuildFlags {
  readonly print: boolean;
  readonly build: boolean;
  readonly port: string;
  readonly network: string;
  readonly env: readonly string[];
  readonly watch: boolean;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[name]', 'function of the stack file; without it, the only one');
  addBuildFlags(command);
  switchFlag(command, '--print', 'print the command of Docker, and run nothing');
  switchFlag(command, '--build', 'build the function first', true);
  command.option('-p, --port <port>', 'port on this machine; 0: any that is free', '8080');
  command.option('--network <name>', 'network of Docker; "host": no port is mapped', '');
  listFlag(command, '-e, --env <key=value>', "environment variable, over the stack file's");
  switchFlag(command, '--watch', 'build and start it anew when its files change');
  command.addHelpText(
    'after',
    `
Secrets are the files of ./.secrets. Nothing of the gateway is there: no limits of calls, no schedules, no asynchronous calls
("skep dev" has them, without Docker). Ctrl-C ends it.

Examples:
  skep local-run hello
  skep local-run hello --port 0 -e LOG=debug --watch
  skep local-run hello --build=false --print`,
  );
  command.action(async (name: string | undefined) => {
    const flags = command.opts<LocalRunFlags>();
    const port = parseNumberFlag(flags.port, { flag: '--port', min: 0 });
    if (port > 65_535) throw new CliError(`--port must be at most 65535, but you gave: ${flags.port}`);
    if (flags.remote || flags.remoteBuilder)
      throw new CliError('local-run builds where it runs: leave --remote and --remote-builder away');
    const { stack, functions } = await functionsToBuild(shell, flagsFor(name, flags));
    const fn = choose(functions, name);
    const settings = buildSettings(flags, stack);
    if (flags.build && !flags.print) await buildFunctions(shell, [fn], settings);
    if (settings.shrinkwrap) return;
    await requireSecretFiles(shell.cwd, fn);
    const args = await commandFor(shell, fn, flags, port === 0 ? await freePort() : port);
    if (flags.print) {
      shell.out(`Image: ${args.at(-1)}`);
      shell.out(['docker', ...args].map(quoted).join(' '));
      return;
    }
    shell.out(`Image: ${args.at(-1)}`);
    const exitCode = await runUntilEnd(shell, { fn, args, settings, stack, flags });
    if (exitCode !== 0)
      throw new CliError(`the container of ${fn.name} ended with exit code ${exitCode}`, { exitCode });
  });
}

/** Only the function that is run must be sound, not all of its stack file. */
function flagsFor(name: string | undefined, flags: LocalRunFlags): LocalRunFlags {
  if (name === undefined) return flags;
  if (!isFunctionName(name)) throw new CliError(`"${name}" is no function name: use a-z, 0-9 and dashes`);
  return { ...flags, regex: `^${name}$`, filter: '' };
}

function choose(functions: readonly StackFunction[], name: string | undefined): StackFunction {
  const names = functions.map((fn) => fn.name).join(' ');
  const found =
    name === undefined && functions.length === 1 ? functions[0] : functions.find((fn) => fn.name === name);
  if (found !== undefined) return found;
  if (name === undefined) throw new CliError(`give a function name to run: [${names}]`);
  throw new CliError(`the stack file has no function "${name}": it has ${names}`);
}

async function commandFor(
  shell: Shell,
  fn: StackFunction,
  flags: LocalRunFlags,
  port: number,
): Promise<string[]> {
  const deployment = await deploymentOf(shell, fn, {
    ...NO_OVERRIDES,
    environment: parsePairs(flags.env, '--env'),
    tag: flags.tag,
  });
  const { image, envVars = {} } = deployment;
  return localRunArguments(fn, {
    image,
    environment: envVars,
    port,
    network: flags.network,
    cwd: shell.cwd,
  });
}

interface Running {
  readonly fn: StackFunction;
  readonly args: readonly string[];
  readonly settings: BuildSettings;
  readonly stack: StackFile | undefined;
  readonly flags: LocalRunFlags;
}

/** @returns the exit code of the container that ended by itself; 0 when the user ended it. @throws {CliError} when that was in the middle of a build */
async function runUntilEnd(shell: Shell, running: Running): Promise<number> {
  const { fn, args, flags } = running;
  const start = (): ForegroundContainer => {
    const port = /^-p=(\d+):/m.exec(args.join('\n'))?.[1];
    const where = port === undefined ? 'the host network' : `http://0.0.0.0:${port}`;
    shell.out(`Starting local-run for: ${fn.name} on: ${where}\n`);
    return runContainer(shell, { name: fn.name, args, onLine: shell.out });
  };
  const signals = new EndSignals({ patient: true }); // the container is to be gone
  const { stop } = signals;
  const stopped = new Promise<'stopped'>((settle) =>
    stop.addEventListener('abort', () => settle('stopped'), { once: true }),
  );
  let container = start();
  let changes = Promise.withResolvers<'changed'>();
  const watching = flags.watch
    ? await watchFunction(shell, running, () => changes.resolve('changed'))
    : undefined;
  try {
    for (;;) {
      // A watched function that ended waits for the change that mends it.
      const end = container.ended
        .then((code) => code)
        .catch((error: unknown) => {
          if (!flags.watch) throw error;
          return 125;
        });
      let next = await Promise.race([end, stopped, changes.promise]);
      if (typeof next === 'number') {
        if (!flags.watch) return next;
        shell.note(`${fn.name} ended with exit code ${next}; it starts again with the next change.`);
        next = await Promise.race([stopped, changes.promise]);
      }
      if (next === 'stopped') return 0;
      changes = Promise.withResolvers();
      shell.out(`[Watch] ${fn.name} has changed.`);
      const isBuilt = await buildFunctions({ ...shell, stop }, [fn], running.settings).then(
        () => true,
        (error: unknown) => {
          if (stop.aborted) return false;
          shell.out(shell.paint.red(messageOf(error)));
          shell.note('The version of before goes on.');
          return false;
        },
      );
      stop.throwIfAborted();
      if (!isBuilt) continue;
      await container.stop();
      container = start();
    }
  } finally {
    await Promise.all([watching?.close(), container.stop()]);
    signals.release();
  }
}

async function watchFunction(
  shell: Shell,
  { fn, stack, settings, flags }: Running,
  onChange: () => void,
): Promise<{ close(): Promise<void> }> {
  // Loaded for --watch alone: it costs start-up time.
  const [{ watchFiles }, { watchedFunctions }] = await Promise.all([
    import('../watch/watch-files.ts'),
    import('../watch/watched-functions.ts'),
  ]);
  const { paths } = watchedFunctions({ cwd: shell.cwd, functions: [fn], copy: settings.copy });
  const watching = await watchFiles({
    root: resolve(shell.cwd),
    paths,
    quietMs: WATCH_QUIET_MS,
    onChange,
    onNote: shell.note,
  });
  shell.out(`[Watch] monitoring 1 functions: ${fn.name}`);
  shell.out('[Watch] Change a file to trigger a rebuild...');
  if (stack !== undefined)
    shell.note(`Changes of ${flags.yaml ?? DEFAULT_STACK_FILES[0]} count when you start it again.`);
  return watching;
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
