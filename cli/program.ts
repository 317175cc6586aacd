import { Command, CommanderError, type Option } from 'commander';
import { COMMANDS, type CommandEntry } from './command-table.ts';
import { CliError, messageOf } from './errors.ts';
import { normaliseArguments } from './flags.ts';
import { isPluginName, pluginNames, runPlugin } from './plugins/installed-plugins.ts';
import type { Shell } from './shell.ts';
import { findSubCommand, helpTopic, subCommandFirst, UnknownCommandError } from './sub-commands.ts';
import { VERSION } from './version.ts';

/** Flags that take a value and that faas-cli accepts before the command's name too. */
const LEADING_VALUE_FLAGS = ['-f', '--yaml', '--regex', '--filter', '-g', '--gateway'];

const SEE_HELP = 'See "skep help" or "skep <command> --help".';

/** Runs one command line. @returns the exit code; every failure was told on stdout, where scripts look for it */
export async function run(argv: readonly string[], shell: Shell): Promise<number> {
  try {
    const args = moveLeadingFlags(argv);
    const program = newProgram(shell);
    const wanted = args[0] === 'help' ? args[1] : args[0];
    for (const entry of COMMANDS) {
      const command = addCommand(program, entry);
      if (wanted !== undefined && (entry.name === wanted || entry.aliases?.includes(wanted))) {
        (await entry.load()).define(command, shell);
        const ordered = args.slice(0, 2).includes('help') ? args : subCommandFirst(command, args);
        const meant = findSubCommand(command, ordered) ?? command;
        args.splice(0, args.length, ...normaliseArguments(ordered, meant));
      }
    }
    if (wanted === undefined || wanted.startsWith('-')) await showPlugins(program, shell);
    const plugin = wanted === undefined ? undefined : await pluginFor(shell, wanted);
    if (plugin !== undefined)
      return await runPlugin(shell, plugin, args[0] === 'help' ? ['--help'] : args.slice(1));
    const topic = args.length === 0 ? program : helpTopic(program, args);
    if (topic !== undefined) topic.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return tell(error, shell);
  }
}

export function newProgram(shell: Shell): Command {
  return (
    new Command('skep')
      .description('Functions on Docker Swarm: build, deploy, call.')
      .usage('<command> [flags]')
      .helpCommand('help [command]', 'Show help for a command')
      .helpOption('-h, --help', 'Show this help')
      .version(VERSION, '-V, --version', 'Show the version of this CLI')
      // --version behind a command is the command's own.
      .enablePositionalOptions()
      .showSuggestionAfterError()
      .exitOverride()
      .configureHelp({ optionDescription: describeOption })
      .configureOutput({
        writeOut: (text) => shell.out(text.replace(/\n$/, '')),
        writeErr: () => {}, // told by `tell`
        getOutHasColors: () => shell.isTerminal && !shell.env['NO_COLOR'],
      })
      .addHelpText(
        'after',
        `
Examples:
  skep new hello --lang node
  skep up
  echo hi | skep invoke hello
  skep help deploy`,
      )
  );
}

/** A default is worth saying when it is a value, not when it is "nothing". */
function describeOption({ description, defaultValue }: Option): string {
  const isNothing = defaultValue === undefined || defaultValue === false || String(defaultValue) === '';
  return isNothing ? description : `${description} (default: ${String(defaultValue)})`;
}

export function addCommand(
  program: Command,
  { name, aliases = [], description, isHidden = false }: CommandEntry,
): Command {
  return program
    .command(name, { hidden: isHidden })
    .description(description)
    .aliases([...aliases])
    .helpOption('-h, --help', 'Show this help');
}

async function showPlugins(program: Command, shell: Shell): Promise<void> {
  const names = await pluginNames(shell);
  if (names.length > 0) program.addHelpText('after', `\nPlugins:\n  ${names.join('\n  ')}`);
}

/** The plugin of that name, where no command of ours has it. */
async function pluginFor(shell: Shell, name: string): Promise<string | undefined> {
  const isOurs = COMMANDS.some((entry) => entry.name === name || entry.aliases?.includes(name));
  if (isOurs || !isPluginName(name) || name === 'help') return undefined;
  return (await pluginNames(shell)).find((each) => each === name);
}

function moveLeadingFlags(argv: readonly string[]): string[] {
  let index = 0;
  while (index < argv.length) {
    const arg = argv[index] ?? '';
    if (LEADING_VALUE_FLAGS.includes(arg)) index += 2;
    else if (LEADING_VALUE_FLAGS.some((flag) => arg.startsWith(`${flag}=`))) index += 1;
    else break;
  }
  const [command, ...rest] = argv.slice(index);
  return command === undefined ? [...argv] : [command, ...argv.slice(0, index), ...rest];
}

function tell(error: unknown, shell: Shell): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help') return 0;
    sayError(error.message.replace(/^error: /, ''), shell);
    shell.note(SEE_HELP);
    return 1;
  }
  sayError(messageOf(error), shell);
  if (error instanceof UnknownCommandError) shell.note(SEE_HELP);
  if (shell.env['FAAS_DEBUG'] === '1' && error instanceof Error) shell.note(error.stack ?? '');
  return error instanceof CliError ? error.exitCode : 1;
}

function sayError(message: string, shell: Shell): void {
  if (message !== '') shell.out(shell.paint.red(capitalised(message)));
}

/** As faas-cli prints errors; a file name or an address at the beginning stays as it is. */
export function capitalised(message: string): string {
  return /^[a-z]+(?=[\s,]|$)/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}
