import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError, fileError, messageOf, systemCode } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { readSecretValue } from '../secret-value.ts';
import type { Shell } from '../shell.ts';
import {
  addSecretCommand,
  checkSecretName,
  createSecret,
  openSecrets,
  type SecretFlags,
  type SecretTarget,
  type SecretValue,
} from './secret-api.ts';

/** Where `local-run` looks for secrets, too. */
export const SECRETS_FOLDER = '.secrets';

/** `secret apply`: every file in ./.secrets becomes a secret, one that is there is updated. */
export function defineSecretApply(parent: Command, shell: Shell): void {
  const command = addSecretCommand(parent, 'apply', 'Make every file in ./.secrets a secret');
  switchFlag(command, '--trim', 'drop blanks and line ends around the values', true);
  command.addHelpText(
    'after',
    '\nA secret that exists gets the new value; functions take it with their next deployment.\n\nExamples:\n  skep secret apply\n  skep secret apply -n dev --trim=false',
  );
  command.action(async () => {
    const flags = command.opts<SecretFlags & { readonly trim: boolean }>();
    const { namespace } = flags;
    // All are read before one is sent: a mistake in the last leaves nothing half applied.
    const wanted: { target: SecretTarget; value: SecretValue }[] = [];
    for (const name of await namesIn(shell)) {
      const fromFile = join(SECRETS_FOLDER, checkSecretName(name));
      const value = await readSecretValue(shell, { fromFile, trim: flags.trim }).catch((error: unknown) => {
        throw new CliError(`${fromFile}: ${messageOf(error)}`, { cause: error });
      });
      wanted.push({ target: { name, namespace }, value });
    }
    if (wanted.length === 0) {
      shell.out(`No secrets found in ${SECRETS_FOLDER} directory`);
      return;
    }
    const gateway = await openSecrets(shell, flags);
    const failures: string[] = [];
    for (const { target, value } of wanted) {
      try {
        await createSecret(shell, gateway, target, { value, replace: true });
      } catch (error) {
        failures.push(`- ${target.name}: ${messageOf(error)}`);
      }
    }
    if (failures.length > 0)
      throw new CliError(`${failures.length} of ${wanted.length} secrets failed:\n${failures.join('\n')}`);
  });
}

async function namesIn({ cwd }: Shell): Promise<string[]> {
  const folder = join(cwd, SECRETS_FOLDER);
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileError('read', folder, error);
    throw new CliError(
      `Secrets directory does not exist: ${folder}\nMake it, with a file for each secret, named as the secret.`,
    );
  }
}
