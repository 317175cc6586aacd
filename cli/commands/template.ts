import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { templateNames } from '../templates/find-template.ts';

export function define(command: Command, shell: Shell): void {
  command.argument('[words...]', 'sub-command').allowUnknownOption();
  command.action(async () => {
    const names = (await templateNames(shell)).join(', ');
    throw new CliError(
      `this version of skep does not fetch templates: it carries its own (${names}), and a folder ./template/NAME of yours comes before them`,
    );
  });
}
