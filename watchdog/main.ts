import { existsSync } from 'node:fs';
import { WATCHDOG_ROLE } from '../contract/watchdog-role.ts';
import type { Listener } from '../http1/types.ts';
import type { Authenticator } from './authenticate.ts';
import { resolveCommand } from './command.ts';
import { loadConfig, type WatchdogConfig } from './config.ts';
import { drain } from './drain.ts';
import { Health, lockPathIn } from './health.ts';
import type { JwtConfig } from './jwt-config.ts';
import { flushLog, log, logWritten } from './log.ts';
import { WatchdogMetrics } from './metrics.ts';
import { startMode } from './modes/start-mode.ts';
import { buryOrphans } from './orphans.ts';
import { findParent, type Parent } from './parent.ts';
import { EXEC_FLAG, execWithRawEnv } from './raw-env.ts';
import { isGroupLeader, killAllGroups, watchGroups } from './run-process.ts';
import { serve } from './server.ts';
import { notFoundText } from './start-error.ts';

/** For answers in progress when a mode's own process has ended. */
const LAST_ANSWERS_MS = 1000;
/** Longest wait at the end for a slow reader of the log. */
const LAST_WORDS_MS = 500;

const USAGE =
  'usage: fwatchdog [-version | -run-healthcheck]\nIt is configured by environment variables; at least fprocess.';

const LOOPBACK = '127.0.0.1';

/** Where a watchdog is: a container has it for itself, and a parent has several. */
interface Place {
  /** Undefined: every address. */
  readonly hostname?: string;
  /** For calls and for metrics, whatever is configured; 0: free ones. */
  readonly port?: number;
  /** Undefined: none is written. */
  readonly lockPath?: string;
  readonly parent?: Parent;
}

/** Returns the exit code, or undefined where a server now runs. */
function main(words: readonly string[]): number | undefined {
  const isOfParent = words[0] === WATCHDOG_ROLE;
  const args = isOfParent ? words.slice(1) : words;
  const [flag] = args;
  if (flag === EXEC_FLAG) return fail(execWithRawEnv(args.slice(1), process.env));
  if (isOfParent) return startIn(args[0]);
  const lockPath = lockPathIn(process.env['TMPDIR']);
  if (args.length > 1) return fail(USAGE);
  switch (flag?.replace(/^--/, '-')) {
    case undefined:
      return start({ lockPath });
    case '-version':
      console.log(versionLine());
      return 0;
    case '-run-healthcheck':
      return existsSync(lockPath) ? 0 : fail('unable to find lock file.');
    default:
      return fail(`unknown argument ${flag}\n${USAGE}`);
  }
}

function startIn(folder: string | undefined): number | undefined {
  let parent: Parent;
  try {
    parent = findParent();
    if (folder !== undefined) process.chdir(folder);
  } catch (error) {
    return fail((error as Error).message);
  }
  return start({ hostname: LOOPBACK, port: 0, parent });
}

function start(place: Place): number | undefined {
  log(versionLine());
  let config: WatchdogConfig;
  try {
    config = loadConfig(process.env);
  } catch (error) {
    return fail((error as Error).message);
  }
  if (config.jwt === undefined) return serveFunction(config, place, undefined);
  void serveAuthenticated(config, config.jwt, place);
  return undefined;
}

/** The code for tokens is loaded only here: a function that does not ask for it does not pay for it. */
async function serveAuthenticated(config: WatchdogConfig, jwt: JwtConfig, place: Place): Promise<void> {
  let exitCode: number | undefined;
  try {
    const { openJwtAuth } = await import('./jwt-auth.ts');
    exitCode = serveFunction(config, place, await openJwtAuth(jwt, log));
  } catch (error) {
    exitCode = fail(`cannot start: ${(error as Error).message}`);
  }
  if (exitCode !== undefined) process.exit(exitCode);
}

function serveFunction(
  config: WatchdogConfig,
  { hostname, port, lockPath, parent }: Place,
  authenticator: Authenticator | undefined,
): number | undefined {
  const baseEnv: Record<string, string> = {};
  for (const [key, value] of Object.entries(process.env)) if (value !== undefined) baseEnv[key] = value;
  const context = { selfPath: process.execPath, searchPath: process.env['PATH'] };
  let command = resolveCommand(config.command, context);
  if (config.mode !== 'static' && config.mode !== 'http' && command.path === undefined)
    log(`warning: ${notFoundText(command.name)}: requests will fail with 500`);
  if (process.pid === 1) buryOrphans(isGroupLeader);
  if (parent !== undefined)
    watchGroups((leader, isThere) => parent.tell({ kind: isThere ? 'group' : 'group_gone', leader }));
  const health = new Health(config.suppressLock ? undefined : lockPath);
  const metrics = new WatchdogMetrics(config.functionName);
  const end = (code: number): void => {
    health.markUnhealthy();
    killAllGroups();
    void logWritten(LAST_WORDS_MS).then(() => process.exit(code));
  };
  // Nobody reads what it would have to say any more.
  parent?.onGone(() => {
    killAllGroups();
    process.exit(1);
  });
  let listener: Listener | undefined;
  try {
    const mode = startMode({
      config,
      baseEnv,
      command: () => {
        if (command.path === undefined) command = resolveCommand(config.command, context);
        return command;
      },
      end: (code) => {
        health.markUnhealthy();
        // What it served is answered as far as it can be.
        void (listener?.drain(LAST_ANSWERS_MS) ?? Promise.resolve()).then(() => end(code));
      },
    });
    if (mode.isServing !== undefined) health.dependOn(mode.isServing);
    if (mode.pool !== undefined) metrics.showPool(mode.pool);
    const metricsListener = metrics.listen(port ?? config.metricsPort, hostname);
    const server = serve({ config, hostname, port, health, metrics, handler: mode.handler, authenticator });
    listener = server;
    if (config.suppressLock)
      log(
        'Warning: "suppress_lock" is enabled. No automated health-checks will be in place for your function.',
      );
    health.markReady();
    log(`Listening on port: ${server.port}, metrics on port: ${metricsListener.port}`);
    parent?.tell({ kind: 'listening', port: server.port, metricsPort: metricsListener.port });
    let isDraining = false;
    process.on('SIGTERM', () => {
      if (isDraining) return;
      isDraining = true;
      if (parent === undefined) mode.terminate?.();
      void drain({ config, health, listener: server }).then(() => {
        // Whoever edits a function replaces it while it is called: its own process hears of it after its last answer.
        if (parent !== undefined && mode.terminate !== undefined) mode.terminate();
        else end(0);
        setTimeout(() => end(0), LAST_ANSWERS_MS);
      });
    });
    // Detached processes do not hear a terminal's Ctrl-C, or that it was closed: they end with the watchdog.
    process.on('SIGINT', () => end(130));
    process.on('SIGHUP', () => end(129));
    process.on('SIGQUIT', () => end(131));
  } catch (error) {
    killAllGroups();
    return fail(`cannot start: ${(error as Error).message}`);
  }
  return undefined;
}

function versionLine(): string {
  // Both are constants of the compiled program.
  return `Version: ${process.env['SKEP_VERSION'] ?? 'dev'}\tSHA: ${process.env['SKEP_COMMIT'] ?? 'unknown'}`;
}

function fail(message: string): number {
  flushLog();
  console.error(message);
  return 1;
}

const exitCode = main(process.argv.slice(2));
if (exitCode !== undefined) process.exit(exitCode);
