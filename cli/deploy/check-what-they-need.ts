import type { FunctionDeployment } from '../../contract/function-types.ts';
import { CliError } from '../errors.ts';
import type { GatewayClient } from '../gateway-client.ts';

/**
 * Asks the gateway for the namespaces and secrets that the deployments name, so that one that lacks them keeps all of them here.
 * What a gateway does not list is left to the deployment itself.
 * @throws {CliError} with a line for each that is missing
 */
export async function checkWhatTheyNeed(
  gateway: GatewayClient,
  deployments: readonly FunctionDeployment[],
): Promise<void> {
  const problems: string[] = [];
  if (deployments.some(({ namespace }) => namespace)) {
    const present = await names(gateway, '/system/namespaces');
    for (const { service, namespace } of deployments) {
      if (namespace && present?.includes(namespace) === false)
        problems.push(
          `${service}: there is no namespace ${namespace}: make it with "skep namespace create ${namespace}"`,
        );
    }
  }
  const byNamespace = Map.groupBy(
    deployments.filter(({ secrets = [] }) => secrets.length > 0),
    ({ namespace = '' }) => namespace,
  );
  for (const [namespace, concerned] of byNamespace) {
    const query = namespace === '' ? '' : `?namespace=${encodeURIComponent(namespace)}`;
    const present = await names(gateway, `/system/secrets${query}`);
    const flag = namespace === '' ? '' : ` -n ${namespace}`;
    for (const { service, secrets = [] } of concerned) {
      for (const name of secrets) {
        if (present?.includes(name) === false)
          problems.push(
            `${service}: there is no secret ${name}: make it with "skep secret create ${name}${flag}"`,
          );
      }
    }
  }
  if (problems.length > 0) throw new CliError(`Nothing was deployed:\n${problems.join('\n')}`);
}

/** Of a list of names, or of objects with one; undefined where the gateway has none to give. */
async function names(gateway: GatewayClient, path: string): Promise<string[] | undefined> {
  const { status, body } = await gateway.request('GET', path);
  if (status !== 200) return undefined;
  try {
    const list: unknown = JSON.parse(body);
    if (!Array.isArray(list)) return undefined;
    return list.map((each: unknown) =>
      typeof each === 'object' && each !== null && 'name' in each ? String(each.name) : String(each),
    );
  } catch {
    return undefined; // no list: the deployment tells what is wrong with the gateway
  }
}
