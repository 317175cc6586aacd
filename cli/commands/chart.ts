import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { requireSubCommand } from '../sub-commands.ts';

const NO_CHART = `There is no chart to export: charts install OpenFaaS on Kubernetes, and Skep runs on Docker Swarm.
Its counterpart is stack.yml of Skep's repository, which "npm run up" deploys; "skep generate" prints functions as Kubernetes resources.`;

export function define(command: Command, _shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText('after', `\n${NO_CHART}\n\nExamples:\n  skep generate -f stack.yaml`);
  const exporting = command.command('export').description('Not here: charts are for Kubernetes');
  exporting.argument('[chart...]').allowUnknownOption();
  exporting.addHelpText('after', `\n${NO_CHART}\n\nExamples:\n  skep generate -f stack.yaml`);
  exporting.action(() => {
    throw new CliError(NO_CHART);
  });
}
