import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { type HealthReport, parseHealthReport } from '../../contract/health.ts';
import { PLATFORM_STACK } from '../../contract/password-secret.ts';
import { cleanRegistry } from '../admin/clean-registry.ts';
import { healthTable } from '../admin/health-table.ts';
import { rotatePassword } from '../admin/rotate-password.ts';
import { passwordFile } from '../admin/rotation-files.ts';
import { ConfigFile, configFolder } from '../config-file.ts';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError } from '../errors.ts';
import { addGatewayFlags, type GatewayFlags, switchFlag } from '../flags.ts';
import { chooseGateway, plainHttpWarning } from '../gateway-address.ts';
import { connect, type GatewayClient, unauthorised } from '../gateway-client.ts';
import { seconds } from '../seconds.ts';
import { A_PASSWORD, type Shell } from '../shell.ts';
import { requireSubCommand } from '../sub-commands.ts';

/** The gateway takes two seconds at most to look at all that it works with. */
const HEALTH_TIMEOUT_MS = 10_000;
const LONGEST_PASSWORD = 1000;

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep admin health\n  skep admin rotate-password --print\n  skep admin clean-registry --dry-run',
  );
  defineHealth(command, shell);
  defineRotatePassword(command, shell);
  defineCleanRegistry(command, shell);
}

function defineHealth(parent: Command, shell: Shell): void {
  const command = parent.command('health').description('Show the health of what the gateway works with');
  addGatewayFlags(command);
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText(
    'after',
    '\nThe exit code is 0 when all is well, and 1 when anything is not.\n\nExamples:\n  skep admin health\n  skep admin health --json',
  );
  command.action(async () => {
    const flags = command.opts<GatewayFlags & { readonly json: boolean }>();
    const gateway = await connect(shell, flags, { timeoutMs: HEALTH_TIMEOUT_MS });
    const report = await readHealth(gateway);
    if (flags.json) {
      shell.out(JSON.stringify(report, undefined, 2));
    } else {
      const { status, version } = report;
      const painted =
        shell.paint[({ ok: 'green', degraded: 'yellow', down: 'red' } as const)[status]](status);
      shell.out(`Gateway ${gateway.url}, version ${version.release}: ${painted}`);
      for (const line of healthTable(report, shell.paint)) shell.out(line);
    }
    if (report.status !== 'ok') throw new CliError('');
  });
}

/** A gateway that is down answers with the same report as one that is well. */
async function readHealth(gateway: GatewayClient): Promise<HealthReport> {
  const reply = await gateway.request('GET', '/system/health');
  if (reply.status === 401) throw unauthorised(gateway.url);
  if (reply.status === 404) {
    throw new CliError(
      `${gateway.url} is a gateway that does not tell its health: "skep ready" asks any gateway`,
    );
  }
  try {
    if (reply.status !== 200 && reply.status !== 503) throw new Error(reply.statusLine);
    return parseHealthReport(JSON.parse(reply.body));
  } catch (cause) {
    const words = reply.body.trim().slice(0, 500);
    throw new CliError(`${gateway.url}/system/health answered ${reply.statusLine}, no report: ${words}`, {
      cause,
    });
  }
}

interface RotateFlags extends GatewayFlags {
  readonly stack: string;
  readonly username?: string;
  readonly passwordStdin: boolean;
  readonly print: boolean;
  readonly timeout: string;
}

function defineRotatePassword(parent: Command, shell: Shell): void {
  const command = parent
    .command('rotate-password')
    .description("Give the platform another admin password; needs a manager's Docker engine");
  addGatewayFlags(command, { token: false });
  command.option('--stack <name>', 'name of the stack', PLATFORM_STACK);
  command.option('-u, --username <name>', 'user (default: the one of the saved login, or admin)');
  switchFlag(command, '-s, --password-stdin', 'read the new password from stdin (default: a random one)');
  switchFlag(command, '--print', 'print the new password, and nothing else, to stdout');
  command.option('--timeout <duration>', 'how long each service may take', '10m');
  command.addHelpText(
    'after',
    `
The gateway is replaced: it ends the calls it has, and refuses new ones until the next one runs. Functions stay as they are.
After a failure the same command goes on where it ended.

Examples:
  skep admin rotate-password
  skep admin rotate-password --password-stdin < password.txt`,
  );
  command.action(async () => {
    const flags = command.opts<RotateFlags>();
    const startedAt = performance.now();
    const url = chooseGateway({ flag: flags.gateway, environment: shell.env['OPENFAAS_URL'] });
    const tell = flags.print ? (line: string) => shell.note(line) : (line: string) => shell.out(line);
    const warning = plainHttpWarning(url, flags);
    if (warning) shell.note(warning);
    const password = await rotatePassword(shell, {
      stack: flags.stack,
      url,
      tlsNoVerify: flags.tlsNoVerify,
      username: flags.username ?? (await savedUser(shell, url)) ?? 'admin',
      password: flags.passwordStdin ? await readPassword(shell) : undefined,
      generate: () => randomBytes(20).toString('hex'),
      file: passwordFile(shell),
      timeoutMs: parseDuration(flags.timeout, '--timeout'),
      tell,
    });
    tell(`The password was rotated in ${seconds(startedAt)}`);
    if (flags.print) shell.out(password);
  });
}

function defineCleanRegistry(parent: Command, shell: Shell): void {
  const command = parent
    .command('clean-registry')
    .description("Take from the swarm's registry what nothing names any more; needs the engine of its node");
  switchFlag(command, '--dry-run', 'only say what would be removed');
  command.addHelpText(
    'after',
    `
What a tag names, and what a service runs or could go back to, stays. It is refused while somebody pushes; begin no push meanwhile.

Examples:
  skep admin clean-registry --dry-run
  skep admin clean-registry`,
  );
  command.action(() => cleanRegistry(shell, command.opts<{ readonly dryRun: boolean }>()));
}

async function savedUser(shell: Shell, url: string): Promise<string | undefined> {
  const login = await new ConfigFile(configFolder(shell)).find(url);
  if (login?.kind !== 'basic') return undefined;
  const [user] = Buffer.from(login.token, 'base64').toString('utf8').split(':');
  return user || undefined;
}

/** @throws {CliError} for what the gateway would not take as it is: it drops blanks around the password */
async function readPassword(shell: Shell): Promise<string> {
  const password = Buffer.from(await shell.readStdin(...A_PASSWORD))
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw new CliError('must provide a non-empty password on stdin');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (password !== password.trim() || /[\u0000-\u001f\u007f\ufffd]/.test(password)) {
    throw new CliError('the password must be one line of text, without blanks at its ends');
  }
  if (password.length > LONGEST_PASSWORD) {
    throw new CliError(`the password must have at most ${LONGEST_PASSWORD} characters`);
  }
  return password;
}
