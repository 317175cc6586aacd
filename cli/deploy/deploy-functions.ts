import type { FunctionDeployment } from '../../contract/function-types.ts';
import { CliError } from '../errors.ts';
import { type GatewayClient, type GatewayReply, unauthorised } from '../gateway-client.ts';
import type { Shell } from '../shell.ts';
import { functionUrl } from './function-url.ts';

export type DeployMode = 'update' | 'replace' | 'create';

/**
 * Sends the deployments one after the other and says how each went; one that fails does not stop the others.
 * @param announce whether each is announced by name, as with a stack file
 * @throws {CliError} naming each that was not answered 200 or 202, or at once when the gateway cannot be reached
 */
export async function deployFunctions(
  shell: Shell,
  gateway: GatewayClient,
  deployments: readonly FunctionDeployment[],
  { mode, announce }: { readonly mode: DeployMode; readonly announce: boolean },
): Promise<void> {
  const failures: string[] = [];
  for (const deployment of deployments) {
    shell.stop?.throwIfAborted();
    if (announce) shell.out(`Deploying: ${deployment.service}.`);
    shell.status(`Deploying ${deployment.service}`);
    const reply = await send(gateway, deployment, mode);
    report(shell, gateway, deployment, reply);
    if (reply.status !== 200 && reply.status !== 202) {
      failures.push(`Function '${deployment.service}' failed to deploy with status code: ${reply.status}`);
    }
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

async function send(
  gateway: GatewayClient,
  deployment: FunctionDeployment,
  mode: DeployMode,
): Promise<GatewayReply> {
  if (mode === 'update') {
    const reply = await gateway.request('PUT', '/system/functions', deployment);
    if (reply.status !== 404) return reply;
  }
  if (mode === 'replace') {
    const { service, namespace } = deployment;
    // Whether there was one to delete does not matter: the POST tells.
    await gateway.request('DELETE', '/system/functions', {
      functionName: service,
      ...(namespace === undefined ? {} : { namespace }),
    });
  }
  return gateway.request('POST', '/system/functions', deployment);
}

function report(
  shell: Shell,
  gateway: GatewayClient,
  deployment: FunctionDeployment,
  reply: GatewayReply,
): void {
  if (reply.status === 200) {
    shell.out(`Function ${deployment.service} already exists, attempting rolling-update.`);
  }
  if (reply.status >= 200 && reply.status <= 202) {
    shell.out(`\n${shell.paint.green(`Deployed. ${reply.statusLine}.`)}`);
    shell.out(`URL: ${functionUrl(gateway.url, deployment.service, deployment.namespace)}\n`);
  } else if (reply.status === 401) {
    shell.out(unauthorised(gateway.url).message);
  } else {
    shell.out(`Unexpected status: ${reply.status}, message: ${reply.body.trim()}`);
  }
}
