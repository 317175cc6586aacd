import type { Command } from 'commander';
import type { Shell } from '../shell.ts';
import { addNamespaceList } from './namespace.ts';

export function define(command: Command, shell: Shell): void {
  const note = (): void =>
    shell.note('Command "namespaces" is deprecated, This has moved to "skep namespace list".');
  addNamespaceList(command, shell, note);
  command.addHelpText('after', '\nOf old; it is "skep namespace list" now.\n\nExamples:\n  skep namespaces');
}
