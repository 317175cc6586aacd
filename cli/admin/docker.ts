import { CliError } from '../errors.ts';
import { capture } from '../run-program.ts';
import type { Shell } from '../shell.ts';

/**
 * Runs `docker` and returns what it printed, without the last line end.
 * @param input goes to its stdin: what is secret must not stand among the arguments
 * @throws {CliError} with its own words
 */
export async function docker(shell: Shell, args: readonly string[], input?: string): Promise<string> {
  const { exitCode, stdout, stderr } = await capture('docker', args, {
    cwd: shell.cwd,
    env: shell.env,
    ...(input !== undefined && { input }),
  });
  if (exitCode === 0) return stdout.trimEnd();
  const [last = ''] = stderr.trim().split('\n').slice(-1);
  const reason = last.replace(/^Error response from daemon: (?:rpc error: code = \w+ desc = )?/, '');
  throw new CliError(`${nameOf(args)}: ${reason || `exit code ${exitCode}`}`);
}

/** The same where it prints objects in JSON: a list of them. */
export async function dockerObjects<T>(shell: Shell, args: readonly string[]): Promise<T[]> {
  const text = await docker(shell, args);
  try {
    const value: unknown = JSON.parse(text || '[]');
    if (Array.isArray(value)) return value;
  } catch {} // told below
  throw new CliError(`${nameOf(args)} printed something that is no list of objects`);
}

function nameOf(args: readonly string[]): string {
  const words = args.slice(0, 2).filter((arg) => !arg.startsWith('-'));
  return ['docker', ...words].join(' ');
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** @throws {CliError} unless the engine that `docker` talks to manages a swarm */
export async function requireManager(shell: Shell): Promise<void> {
  const isManager = await docker(shell, ['info', '--format', '{{.Swarm.ControlAvailable}}']);
  if (isManager !== 'true') {
    throw new CliError(
      'the Docker engine here is no manager of a swarm: run this on a manager, or name one with DOCKER_HOST',
    );
  }
}
