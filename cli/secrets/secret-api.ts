import type { Command } from 'commander';
import { isSecretName } from '../../contract/parse-secret.ts';
import { CliError } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  type StackFlags,
} from '../flags.ts';
import { connect, type GatewayClient, type GatewayReply, unauthorised } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

export interface SecretFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
}

export interface SecretTarget {
  readonly name: string;
  /** Empty: the gateway's default one. */
  readonly namespace: string;
}

/** `value`, and where bytes matter `rawValue`, as the API takes them. */
export type SecretValue = Readonly<Record<string, string>>;

/** A command of `skep secret` that speaks to the gateway. */
export function addSecretCommand(
  parent: Command,
  name: string,
  description: string,
  ...aliases: string[]
): Command {
  const command = parent.command(name).description(description).aliases(aliases);
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  return command;
}

export async function openSecrets(shell: Shell, flags: SecretFlags): Promise<GatewayClient> {
  return connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
}

/** @throws {CliError} in the words of faas-cli */
export function checkSecretName(name: string | undefined): string {
  if (name === undefined || name === '') throw new CliError('secret name required');
  if (!isSecretName(name)) {
    throw new CliError(
      `ERROR: invalid secret name ${name}\nSecret name must start and end with an alphanumeric character \nand can only contain lower-case alphanumeric characters, '-' or '.'`,
    );
  }
  return name;
}

/** POST: one that is there is updated with `replace`, and a failure without. */
export async function createSecret(
  shell: Shell,
  gateway: GatewayClient,
  target: SecretTarget,
  { value, replace }: { readonly value: SecretValue; readonly replace: boolean },
): Promise<void> {
  const { name, namespace } = target;
  shell.out(`Creating secret: ${name}.${namespace}`);
  const reply = await gateway.request('POST', '/system/secrets', { ...toSecretBody(target), ...value });
  if (reply.status === 409 && replace) {
    shell.out(`Secret ${name} already exists, updating...`);
    await updateSecret(shell, gateway, target, value);
    return;
  }
  // The words as faas-cli prints them, which scripts look for; but a failure is one for the shell, too.
  if (reply.status === 409) throw told(shell, `secret with the name "${name}" already exists`);
  checkSecretStatus(gateway, reply, [200, 201, 202]);
  shell.out(`Created: ${reply.statusLine}`);
}

/** PUT: one that is not there is a failure. */
export async function updateSecret(
  shell: Shell,
  gateway: GatewayClient,
  target: SecretTarget,
  value: SecretValue,
): Promise<void> {
  const reply = await gateway.request('PUT', '/system/secrets', { ...toSecretBody(target), ...value });
  if (reply.status === 404) throw told(shell, `unable to find secret: ${target.name}`);
  checkSecretStatus(gateway, reply, [200, 202]);
  shell.out(`Updated: ${reply.statusLine}`);
}

export function toSecretBody({ name, namespace }: SecretTarget): Record<string, string> {
  return { name, ...(namespace !== '' && { namespace }) };
}

export function checkSecretStatus(
  gateway: GatewayClient,
  reply: GatewayReply,
  accepted: readonly number[],
): void {
  if (accepted.includes(reply.status)) return;
  if (reply.status === 401) throw unauthorised(gateway.url);
  throw new CliError(`server returned unexpected status code: ${reply.status} - ${reply.body.trim()}`);
}

/** For a failure whose words begin with a small letter, as scripts know them. */
function told(shell: Shell, message: string): CliError {
  shell.out(message);
  return new CliError('');
}
