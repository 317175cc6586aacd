import type { Command } from 'commander';
import { suggestionFor } from '../contract/suggestion.ts';
import { CliError } from './errors.ts';

export class UnknownCommandError extends CliError {}

/** A command that is nothing without one of its own: alone it shows its help, with an unknown word the choices. */
export function requireSubCommand(command: Command): void {
  // What follows a mistyped word is not looked at: the word is what is wrong.
  command.argument('[command]').usage('<command> [flags]').allowExcessArguments().allowUnknownOption();
  command.action((word: string | undefined) => {
    if (word === undefined) {
      command.outputHelp();
      return;
    }
    if (word.startsWith('-'))
      throw new CliError(
        `unknown option '${word}' for "${command.name()}", which needs a command: see skep ${command.name()} --help`,
      );
    throw unknownCommand(command, word);
  });
}

function unknownCommand(command: Command, word: string): UnknownCommandError {
  const names = command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
  const near = suggestionFor(word, names);
  const meant = near === undefined ? '' : `\n(Did you mean ${near}?)`;
  if (command.parent === null) return new UnknownCommandError(`unknown command '${word}'${meant}`);
  return new UnknownCommandError(
    `unknown command "${word}" for "${command.name()}": choose one of ${names.join(', ')}${meant}`,
  );
}

/**
 * The command that is to be explained, by `help secret create`, `secret help create` and the like; undefined when nothing is. What
 * `--help` behind a command explains is left to that command.
 * @throws {CliError} where help is asked for what is no command
 */
export function helpTopic(program: Command, args: readonly string[]): Command | undefined {
  const wantsHelp = args.some((arg) => arg === '-h' || arg === '--help');
  let isTopic = false;
  let command = program;
  for (const word of args) {
    if (word.startsWith('-') || command.commands.length === 0) break; // from here on its own flags and arguments
    if (word === 'help') {
      isTopic = true;
      continue;
    }
    const next = command.commands.find((each) => isNamed(each, word));
    if (next === undefined) {
      if (isTopic || wantsHelp) throw unknownCommand(command, word);
      return undefined;
    }
    command = next;
  }
  return isTopic ? command : undefined;
}

/** The sub-command that the arguments name, if any; `template store list` has one of a sub-command. */
export function findSubCommand(command: Command, args: readonly string[]): Command | undefined {
  const found = command.commands.find((each) => isNamed(each, args[1] ?? ''));
  return found && (findSubCommand(found, args.slice(1)) ?? found);
}

/** Puts the name of the sub-command right behind the command's: faas-cli takes flags between the two. */
export function subCommandFirst(command: Command, args: readonly string[]): string[] {
  const at = args.findIndex((arg, index) => index > 0 && command.commands.some((each) => isNamed(each, arg)));
  const [name = '', ...rest] = args;
  if (at < 1) return [...args];
  return [name, args[at] ?? '', ...rest.filter((_, index) => index !== at - 1)];
}

function isNamed(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word);
}
