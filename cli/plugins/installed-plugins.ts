import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { CliError, messageOf, systemCode } from '../errors.ts';
import type { Shell } from '../shell.ts';

/** No plugin could be started: as shells say it of a command that is not there. */
const NOT_STARTED = 127;

/** Where plugins lie, faas-cli's own included. */
export function pluginFolder({ home }: Pick<Shell, 'home'>): string {
  return join(home, '.openfaas', 'plugins');
}

/** A name that leads to no other folder. */
export function isPluginName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name);
}

/** Sorted; none where there is no such folder. */
export async function pluginNames(shell: Pick<Shell, 'home'>): Promise<string[]> {
  const names = await readdir(pluginFolder(shell)).catch((): string[] => []);
  return names.filter(isPluginName).sort();
}

/**
 * Runs a plugin with the terminal that we have.
 * @returns its exit code; 128 and the signal's number where a signal ended it
 * @throws {CliError} with exit code 127 when it cannot be started
 */
export async function runPlugin(
  shell: Pick<Shell, 'home' | 'cwd' | 'env'>,
  name: string,
  args: readonly string[],
): Promise<number> {
  const path = join(pluginFolder(shell), name);
  // Ctrl-C goes to the plugin, too, which ends as it likes; we wait to say how.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      const child = spawn(path, [...args], { cwd: shell.cwd, env: shell.env, stdio: 'inherit' });
      child.on('error', reject);
      child.on('close', (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  } catch (error) {
    throw new CliError(`Error from plugin: ${reasonOf(error)} (${path})`, {
      exitCode: NOT_STARTED,
      cause: error,
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}

function reasonOf(error: unknown): string {
  switch (systemCode(error)) {
    case 'EACCES':
      return 'permission denied: make it executable with chmod +x';
    case 'ENOEXEC':
      return 'exec format error: it is no program for this machine';
    case 'ENOENT':
      return 'what its first line says is to run it is not there';
    default:
      return messageOf(error);
  }
}
