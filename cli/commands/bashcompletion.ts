import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { completionScript } from '../completion/completion-script.ts';
import { fileError } from '../errors.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  command.argument('<file>', 'where to write the script');
  command.addHelpText(
    'after',
    '\nOf old; it is "skep completion --shell bash" now.\n\nExamples:\n  skep bashcompletion ./skep.bash',
  );
  command.action(async (file: string) => {
    shell.note('Command "bashcompletion" is deprecated, please use the "completion" command');
    try {
      await writeFile(resolve(shell.cwd, file), `${await completionScript(shell, 'bash')}\n`);
    } catch (error) {
      throw fileError('write', file, error);
    }
  });
}
