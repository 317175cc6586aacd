import type { Command } from 'commander';
import { ConfigFile, configFolder } from '../config-file.ts';
import { CliError } from '../errors.ts';
import { addGatewayFlags, type GatewayFlags } from '../flags.ts';
import { chooseGateway } from '../gateway-address.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  addGatewayFlags(command, { token: false });
  command.addHelpText('after', '\nExamples:\n  skep logout\n  skep logout -g https://gateway.example.com');
  command.action(async () => {
    const { gateway } = command.opts<GatewayFlags>();
    const url = chooseGateway({ flag: gateway, environment: shell.env['OPENFAAS_URL'] });
    if (!(await new ConfigFile(configFolder(shell)).remove(url))) {
      throw new CliError(`there are no credentials for ${url}`);
    }
    shell.out(`credentials removed for ${url}`);
  });
}
