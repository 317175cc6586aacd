import type { Command } from 'commander';
import type { GatewayInfo } from '../../contract/function-types.ts';
import { CliError } from '../errors.ts';
import { addGatewayFlags, addStackFlags, type GatewayFlags, type StackFlags, switchFlag } from '../flags.ts';
import { connect } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import { LOGO } from '../logo.ts';
import type { Shell } from '../shell.ts';
import { COMMIT, VERSION } from '../version.ts';

interface VersionFlags extends StackFlags, GatewayFlags {
  readonly shortVersion: boolean;
  readonly json: boolean;
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addGatewayFlags(command);
  switchFlag(command, '--short-version', 'only the version of this CLI');
  switchFlag(command, '-j, --json', 'as JSON');
  switchFlag(command, '--warn-update', 'accepted for scripts made for faas-cli', true);
  command.addHelpText('after', '\nExamples:\n  skep version\n  skep version --short-version');
  command.action(async () => {
    const flags = command.opts<VersionFlags>();
    if (flags.shortVersion) {
      shell.out(VERSION);
      return;
    }
    const found = await gatewayInfo(shell, flags);
    if (flags.json) shell.out(JSON.stringify(toJson(found), undefined, 2));
    else print(shell, found);
  });
}

interface Found {
  readonly uri: string;
  readonly info: Partial<GatewayInfo> | undefined;
}

async function gatewayInfo(shell: Shell, flags: VersionFlags): Promise<Found> {
  const gateway = await connect(shell, flags, {
    stackGateway: await gatewayFromStack(shell, flags),
    timeoutMs: 5000,
  });
  try {
    const info = await gateway.getJson('/system/info');
    return { uri: gateway.url, info: typeof info === 'object' && info !== null ? info : undefined };
  } catch (error) {
    // The CLI's own version must be had without a gateway; faas-cli is silent here too.
    if (error instanceof CliError) return { uri: gateway.url, info: undefined };
    throw error;
  }
}

function toJson({ uri, info }: Found): Record<string, unknown> {
  const cli = { commit: COMMIT, version: VERSION };
  if (!info) return { cli };
  const { provider, version } = info;
  return {
    cli,
    gateway: { uri, version: version?.release ?? '', sha: version?.sha ?? '' },
    provider: {
      name: provider?.provider ?? '',
      orchestration: provider?.orchestration ?? '',
      version: provider?.version?.release ?? '',
      sha: provider?.version?.sha ?? '',
    },
  };
}

function print(shell: Shell, { uri, info }: Found): void {
  shell.out(LOGO);
  shell.out(`CLI:\n  commit:  ${COMMIT}\n  version: ${VERSION}`);
  if (!info) return;
  const { provider, version } = info;
  shell.out(
    `\nGateway\n uri:     ${uri}\n version: ${version?.release ?? ''}\n sha:     ${version?.sha ?? ''}\n`,
  );
  shell.out(
    [
      'Provider',
      ` name:          ${provider?.provider ?? ''}`,
      ` orchestration: ${provider?.orchestration ?? ''}`,
      ` version:       ${provider?.version?.release ?? ''} `,
      ` sha:           ${provider?.version?.sha ?? ''}`,
    ].join('\n'),
  );
}
