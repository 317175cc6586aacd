import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError, fileError, systemCode } from '../errors.ts';
import { parseNumberFlag } from '../flags.ts';
import type { Shell } from '../shell.ts';

const MOST_BYTES = 65_536;

/** `secret generate`: random bytes as base64 text, for keys that two sides share. */
export function defineSecretGenerate(parent: Command, shell: Shell): void {
  const command = parent
    .command('generate')
    .alias('gen')
    .description('Print a random secret, or write it to a file');
  command.option('--length <n>', 'random bytes', '32');
  command.option('-o, --output <file>', 'write it there, readable by you alone; never over a file');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep secret generate\n  skep secret generate -o payload-secret\n  skep secret generate --length 64 | skep secret create signing-key',
  );
  command.action(async () => {
    const { length, output } = command.opts<{ length: string; output?: string }>();
    const bytes = parseNumberFlag(length, { flag: '--length', min: 1 });
    if (bytes > MOST_BYTES)
      throw new CliError(`--length must be at most ${MOST_BYTES}, but you gave: ${length}`);
    const secret = randomBytes(bytes).toString('base64');
    if (output === undefined) {
      // A line end on a terminal only: what is piped or redirected is the secret.
      if (shell.isTerminal) shell.out(secret);
      else await shell.write(Buffer.from(secret));
      return;
    }
    try {
      await writeFile(resolve(shell.cwd, output), secret, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (systemCode(error) === 'EEXIST')
        throw new CliError(
          `cannot write ${output}: it exists, and may be in use. Remove it first, or choose another --output`,
        );
      throw fileError('write', output, error);
    }
    shell.out(`Wrote ${bytes}-byte secret to ${output}`);
  });
}
