import type { Command } from 'commander';
import { completionScript } from '../completion/completion-script.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  command.requiredOption('--shell <shell>', 'bash, zsh or fish');
  command.addHelpText(
    'after',
    `
Names of functions and templates are completed, too: those of the gateway that the folder you are in speaks to.

Examples:
  source <(skep completion --shell bash)
  skep completion --shell zsh > "\${fpath[1]}/_skep"
  skep completion --shell fish > ~/.config/fish/completions/skep.fish`,
  );
  command.action(async () => {
    const { shell: name } = command.opts<{ shell: string }>();
    shell.out(await completionScript(shell, name));
  });
}
