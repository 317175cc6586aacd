import type { Command } from 'commander';
import { COMMANDS } from '../command-table.ts';
import {
  bashCompletion,
  type CompletedCommand,
  fishCompletion,
  zshCompletion,
} from '../completion-scripts.ts';
import { CliError } from '../errors.ts';
import { addCommand, newProgram } from '../program.ts';
import type { Shell } from '../shell.ts';

const SCRIPTS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function define(command: Command, shell: Shell): void {
  command.requiredOption('--shell <shell>', 'bash, zsh or fish');
  command.addHelpText(
    'after',
    `
Examples:
  source <(skep completion --shell bash)
  skep completion --shell zsh > "\${fpath[1]}/_skep"
  skep completion --shell fish > ~/.config/fish/completions/skep.fish`,
  );
  command.action(async () => {
    const { shell: name } = command.opts<{ shell: string }>();
    const script = Object.hasOwn(SCRIPTS, name) ? SCRIPTS[name] : undefined;
    if (!script) throw new CliError(`--shell must be bash, zsh or fish, but you gave: ${name}`);
    shell.out(script(await describeCommands(shell)));
  });
}

async function describeCommands(shell: Shell): Promise<CompletedCommand[]> {
  const program = newProgram(shell);
  const described: CompletedCommand[] = [];
  for (const entry of COMMANDS) {
    const command = addCommand(program, entry);
    (await entry.load()).define(command, shell);
    described.push({
      names: [entry.name, ...(entry.aliases ?? [])],
      description: entry.description,
      flags: command.options
        .filter((option) => !option.hidden && option.long)
        .map((option) => ({
          name: option.long ?? '',
          description: option.description,
          takesValue: option.required,
        })),
    });
  }
  return described;
}
