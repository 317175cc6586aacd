import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigFile, configFolder } from '../config-file.ts';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError, fileError, messageOf, systemCode } from '../errors.ts';
import { addGatewayFlags, type GatewayFlags, switchFlag } from '../flags.ts';
import { chooseGateway, isLocalGateway, plainHttpWarning } from '../gateway-address.ts';
import { GatewayClient } from '../gateway-client.ts';
import { A_PASSWORD, type Shell } from '../shell.ts';

interface LoginFlags extends GatewayFlags {
  readonly username: string;
  readonly password?: string;
  readonly passwordStdin: boolean;
  readonly timeout: string;
}

export function define(command: Command, shell: Shell): void {
  addGatewayFlags(command, { token: false });
  command.option('-u, --username <name>', 'user', 'admin');
  command.option('-p, --password <password>', 'password; others on this machine may see it, prefer -s');
  switchFlag(command, '-s, --password-stdin', 'read the password from stdin');
  command.option('--timeout <duration>', 'how long the gateway may take', '5s');
  command.addHelpText(
    'after',
    `
Without -p or -s, the password that "npm run up" made is used for a gateway on this machine; otherwise you are asked.

Examples:
  skep login
  cat password.txt | skep login -s -g https://gateway.example.com`,
  );
  command.action(async () => login(shell, command.opts<LoginFlags>()));
}

async function login(shell: Shell, flags: LoginFlags): Promise<void> {
  const timeoutMs = parseDuration(flags.timeout, '--timeout');
  const url = chooseGateway({ flag: flags.gateway, environment: shell.env['OPENFAAS_URL'] });
  if (flags.username === '' || flags.username.includes(':')) {
    throw new CliError('must provide a username via --username, without a colon in it');
  }
  const password = await findPassword(shell, flags, url);
  const warning = plainHttpWarning(url, flags);
  if (warning) shell.note(warning);

  shell.out('Calling the OpenFaaS server to validate the credentials...');
  const token = Buffer.from(`${flags.username}:${password}`).toString('base64');
  const gateway = new GatewayClient({
    url,
    authorization: `Basic ${token}`,
    tlsNoVerify: flags.tlsNoVerify,
    timeoutMs,
  });
  const reply = await gateway.request('GET', '/system/functions').catch((error: unknown) => {
    throw new CliError(`Cannot connect to OpenFaaS on URL: ${url}\n${messageOf(error)}`, { cause: error });
  });
  if (reply.status === 401) throw new CliError('Unable to login, either username or password is incorrect');
  if (reply.status !== 200) {
    throw new CliError(`Server returned unexpected status code: ${reply.status} - ${reply.body.trim()}`);
  }
  await new ConfigFile(configFolder(shell)).save(url, { kind: 'basic', token });
  shell.out(`credentials saved for ${flags.username} ${url}`);
}

async function findPassword(shell: Shell, flags: LoginFlags, url: string): Promise<string> {
  if (flags.password !== undefined && flags.passwordStdin) {
    throw new CliError('--password and --password-stdin are mutually exclusive');
  }
  if (flags.password !== undefined) {
    shell.out(
      'WARNING! Using --password is insecure, consider using: cat ~/faas_pass.txt | faas-cli login -u user --password-stdin',
    );
    return nonEmpty(flags.password);
  }
  if (flags.passwordStdin)
    return nonEmpty(
      Buffer.from(await shell.readStdin(...A_PASSWORD))
        .toString('utf8')
        .trim(),
    );
  const generated = isLocalGateway(url) ? await generatedPassword(shell) : undefined;
  if (generated) {
    shell.out(`Using the password in ${generated.path}`);
    return generated.password;
  }
  if (shell.stdinIsTerminal)
    return nonEmpty((await shell.askSecret(`Password for ${flags.username} on ${url}: `)).trim());
  throw new CliError(
    'must provide a non-empty password via --password or --password-stdin, for example: cat password.txt | skep login -s',
  );
}

function nonEmpty(password: string): string {
  if (password === '')
    throw new CliError('must provide a non-empty password via --password or --password-stdin');
  return password;
}

/** The password that `npm run up` left: ~/.skep/admin-password, or the same in SKEP_HOME. */
async function generatedPassword(shell: Shell): Promise<{ path: string; password: string } | undefined> {
  const path = join(shell.env['SKEP_HOME'] || join(shell.home, '.skep'), 'admin-password');
  try {
    const password = (await readFile(path, 'utf8')).trim();
    return password === '' ? undefined : { path, password };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
}
