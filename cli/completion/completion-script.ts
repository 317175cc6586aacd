import type { Command } from 'commander';
import { COMMANDS } from '../command-table.ts';
import { CliError } from '../errors.ts';
import { ChoiceOption } from '../flags.ts';
import { addCommand, newProgram } from '../program.ts';
import type { Shell } from '../shell.ts';
import {
  bashCompletion,
  type CompletedCommand,
  type Completes,
  fishCompletion,
  zshCompletion,
} from './shell-scripts.ts';

const SCRIPTS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** Commands whose arguments are names that something else knows. */
const COMPLETES: Readonly<Record<string, Completes>> = {
  describe: 'functions',
  invoke: 'functions',
  logs: 'functions',
  ready: 'functions',
  remove: 'functions',
  scale: 'functions',
  top: 'functions',
  'local-run': 'stack',
};

/** The script of one shell, with every command, alias, flag and sub-command. @throws {CliError} for another shell */
export async function completionScript(shell: Shell, name: string): Promise<string> {
  const script = Object.hasOwn(SCRIPTS, name) ? SCRIPTS[name] : undefined;
  if (!script) throw new CliError(`--shell must be bash, zsh or fish, but you gave: ${name}`);
  const program = newProgram(shell);
  const described: CompletedCommand[] = [];
  for (const entry of COMMANDS) {
    if (entry.isHidden) continue;
    const command = addCommand(program, entry);
    (await entry.load()).define(command, shell);
    described.push({ ...describe(command), completes: COMPLETES[entry.name] });
  }
  return script(described);
}

function describe(command: Command): CompletedCommand {
  return {
    names: [command.name(), ...command.aliases()],
    description: command.description(),
    flags: command.options
      .filter((option) => !option.hidden && option.long)
      .map((option) => ({
        name: option.long ?? '',
        short: option.short,
        description: option.description,
        takesValue: option.required,
        choices: option instanceof ChoiceOption ? option.choicesOfValue : [],
      })),
    commands: command.commands.map(describe),
  };
}
