import { CliError } from '../cli/errors.ts';
import type { GatewayClient } from '../cli/gateway-client.ts';
import type { FunctionDeployment, FunctionStatus, Rollout } from '../contract/function-types.ts';

/** Our own gateway, as everybody else sees it: what is refused to others is refused here. */
export class GatewayApi {
  readonly #client: GatewayClient;
  readonly #defaultNamespace: string;
  readonly #namespaces = new Set<string>();

  constructor(client: GatewayClient, defaultNamespace: string) {
    this.#client = client;
    this.#defaultNamespace = defaultNamespace;
  }

  /** Updates a function, or creates it; its namespace, too. @throws {CliError} with the gateway's words */
  async deploy(deployment: FunctionDeployment): Promise<void> {
    await this.#ensureNamespace(deployment.namespace);
    const reply = await this.#client.request('PUT', '/system/functions', deployment);
    const last =
      reply.status === 404 ? await this.#client.request('POST', '/system/functions', deployment) : reply;
    if (last.status !== 200 && last.status !== 202) throw new CliError(last.body.trim());
  }

  /** One that is not there is removed, too. @throws {CliError} with the gateway's words */
  async remove({ service, namespace }: Pick<FunctionDeployment, 'service' | 'namespace'>): Promise<void> {
    const body = { functionName: service, ...(namespace && { namespace }) };
    const { status, body: text } = await this.#client.request('DELETE', '/system/functions', body);
    if (status !== 202 && status !== 200 && status !== 404) throw new CliError(text.trim());
  }

  /** @returns false: somebody has removed it @throws {CliError} when the gateway does not answer */
  async isThere({ service, namespace }: Pick<FunctionDeployment, 'service' | 'namespace'>): Promise<boolean> {
    const query = namespace ? `?namespace=${namespace}` : '';
    return (await this.#client.request('GET', `/system/function/${service}${query}`)).status !== 404;
  }

  /** How the last deployment of a function fares. @throws {CliError} with the gateway's words */
  async rollout({ service, namespace }: Pick<FunctionDeployment, 'service' | 'namespace'>): Promise<Rollout> {
    const query = namespace ? `?namespace=${namespace}` : '';
    const { status, body } = await this.#client.request('GET', `/system/function/${service}${query}`);
    if (status !== 200) throw new CliError(body.trim());
    const { rollout, availableReplicas, replicas } = JSON.parse(body) as FunctionStatus;
    return rollout ?? { state: replicas === 0 || availableReplicas > 0 ? 'done' : 'running' };
  }

  async #ensureNamespace(name: string | undefined): Promise<void> {
    if (!name || name === this.#defaultNamespace || this.#namespaces.has(name)) return;
    const { status, body } = await this.#client.request('POST', '/system/namespace/', { name });
    if (status >= 300 && status !== 409) throw new CliError(body.trim());
    this.#namespaces.add(name);
  }
}
