import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import {
  addStackFlags,
  listFlag,
  parseNumberFlag,
  parsePairs,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import type { Shell } from '../shell.ts';

const HIGHEST_PORT = 65_535;

interface DevFlags extends StackFlags {
  readonly port: string;
  /** commander's reading of --no-nats: false when given. */
  readonly nats?: string | boolean;
  readonly set: readonly string[];
  readonly verbose: boolean;
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  command.option('-p, --port <port>', 'port of the gateway on 127.0.0.1; 0: a free one', '8080');
  command.option(
    '--nats <host:port>',
    'NATS server that keeps asynchronous calls (default: that at 127.0.0.1:4222, if there is one)',
  );
  command.option('--no-nats', 'keep asynchronous calls in memory');
  listFlag(command, '--set <key=value>', 'setting of the gateway, see docs/configuration.md');
  switchFlag(command, '-v, --verbose', 'show what installations, builds, watchdogs and the gateway say, too');
  command.addHelpText(
    'after',
    `
Runs the gateway and the functions of stack.yaml on this machine, straight from their source folders: no Docker engine, no image, no
root. An edit is served in less than a second; one that is broken leaves the version before serving, and says why.
Packages are installed in .skep/, never beside your sources. Secrets are files .secrets/NAME, or made with "skep secret create".

Examples:
  skep dev
  skep dev --port 8081 --filter hello
  skep dev --set upstream_timeout=5m`,
  );
  command.action(async () => {
    const { port, nats, set, verbose, ...stack } = command.opts<DevFlags>();
    const number = parseNumberFlag(port, { flag: '--port', min: 0 });
    if (number > HIGHEST_PORT)
      throw new CliError(`--port must be at most ${HIGHEST_PORT}, but you gave: ${port}`);
    const { runDev } = await import('../../dev/run-dev.ts');
    const exitCode = await runDev(shell, {
      ...stack,
      port: number,
      nats: nats === false ? 'none' : typeof nats === 'string' ? nats : undefined,
      settings: parsePairs(set, '--set'),
      isVerbose: verbose,
    }).catch((error: unknown) => {
      // What a gateway that did not start has left open must not keep it alive, once its reason is told.
      setTimeout(() => process.exit(), 200);
      throw error;
    });
    // What is left of the servers must not keep it alive: all that matters has ended.
    process.exit(exitCode);
  });
}
