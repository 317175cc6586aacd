import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Command } from 'commander';
import { COMMANDS } from '../../cli/command-table.ts';
import { addCommand, newProgram } from '../../cli/program.ts';
import { paintFor, type Shell } from '../../cli/shell.ts';

/** A shell for commands that are described and not run. */
function idleShell(): Shell {
  const fail = (): never => {
    throw new Error('nothing is run here');
  };
  return {
    env: {},
    cwd: '/nowhere',
    home: '/nowhere',
    isTerminal: false,
    stdinIsTerminal: false,
    paint: paintFor(false, {}),
    out: fail,
    status: fail,
    live: fail,
    write: fail,
    note: fail,
    readStdin: fail,
    askSecret: fail,
  };
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

describe('the help of every command', () => {
  const program = newProgram(idleShell());
  const all: { path: string; command: Command }[] = [];
  before(async () => {
    for (const entry of COMMANDS) {
      const command = addCommand(program, entry);
      (await entry.load()).define(command, idleShell());
      collect(entry.name, command);
    }
  });
  function collect(path: string, command: Command): void {
    all.push({ path, command });
    for (const sub of command.commands) collect(`${path} ${sub.name()}`, sub);
  }

  it('has examples', () => {
    const without = all.filter(({ command }) => !/\nExamples:\n {2}\S/.test(helpOf(command)));
    expect(without.map(({ path }) => path)).to.deep.equal([]);
  });

  it('begins with how it is called', () => {
    for (const { path, command } of all)
      expect(helpOf(command)).to.match(new RegExp(`^Usage: skep ${path}[ |\\n]`));
  });

  it('is in docs/cli.md', () => {
    const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| `'));
    const hidden = COMMANDS.filter(({ isHidden }) => isHidden).map(({ name }) => name);
    const missing = all
      .map(({ path }) => path.split(' '))
      .filter(([top = '', ...subs]) => {
        const own = rows.filter((row) => new RegExp(`\`${top}[ \`]`).test(row));
        return (
          !hidden.includes(top) &&
          !own.some((row) => subs.every((sub) => new RegExp(`\\b${sub}\\b`).test(row)))
        );
      });
    expect(missing.map((words) => words.join(' '))).to.deep.equal([]);
  });

  it('says of each flag what it is for', () => {
    const silent = all.flatMap(({ path, command }) =>
      command.options
        .filter((option) => !option.hidden && option.description === '')
        .map((option) => `${path} ${option.flags}`),
    );
    expect(silent).to.deep.equal([]);
  });

  it('names in its examples only flags that there are', () => {
    const unknown: string[] = [];
    // A command of commands shows examples of theirs.
    for (const { path, command } of all.filter((each) => each.command.commands.length === 0)) {
      const [, examples = ''] = helpOf(command).split('\nExamples:\n');
      for (const line of examples.split('\n')) {
        const [, own = ''] = new RegExp(`^  skep ${path}(?= |$)([^|<>&;]*)`).exec(line) ?? [];
        const words = own.replace(/'[^']*'|"[^"]*"/g, '').split(/\s+/);
        for (const word of words.filter((each) => /^--?[a-z]/i.test(each))) {
          const [name = ''] = word.split('=');
          const isKnown = command.options.some((option) => option.long === name || option.short === name);
          if (!isKnown) unknown.push(`${path}: ${word}`);
        }
      }
    }
    expect(unknown).to.deep.equal([]);
  });

  it('has no two flags of one name', () => {
    for (const { path, command } of all) {
      const names = command.options.flatMap(({ long, short }) => [long, short]).filter(Boolean);
      expect(names, path).to.have.length(new Set(names).size);
    }
  });
});
