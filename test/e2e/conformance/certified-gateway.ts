import type { FunctionDeployment, FunctionStatus } from '../../../contract/function-types.ts';
import { type Platform, until } from '../../support/platform.ts';

/** As an administrator sees it. */
export type AnyGateway = Pick<Platform, 'url' | 'authorization' | 'request'>;

/** Where a gateway is, with what it runs. */
export interface CertifiedPlace {
  /** The watchdog and the usual small programs. The registry's name is to be read back as it is. */
  readonly toolsImage: string;
  /** Sends every caller to the address in `destination`. */
  readonly redirectorImage: string;
  open(): Promise<CertifiedGateway>;
  close(): Promise<void>;
}

/** A gateway seen as the certifier sees it: JSON over HTTP, calls without credentials that follow no redirect. */
export interface CertifiedGateway extends AnyGateway {
  /** POST, or PUT with `update`. @throws {Error} unless it is 200 or 202 */
  deploy(deployment: FunctionDeployment, update?: 'update'): Promise<void>;
  status(name: string, namespace?: string): Promise<FunctionStatus>;
  list(namespace: string): Promise<FunctionStatus[]>;
  scale(serviceName: string, replicas: number, namespace?: string): Promise<void>;
  /** Waits at most a minute for an available replica. */
  available(name: string, namespace?: string): Promise<void>;
  /**
   * Calls a function until it answers `expected`, at most 30 times, 750 ms apart.
   * @param path e.g. `/function/env.space?a=1`
   * @throws {Error} at the last other answer, and at a 401 at once
   */
  call(path: string, init?: CallInit): Promise<Answer>;
  /** As faas-cli makes one. @throws {Error} unless it is 200, 201 or 202 */
  createNamespace(name: string): Promise<void>;
  /** Deletes a namespace, there or not. */
  removeNamespace(name: string): Promise<void>;
  /** Deletes a function, there or not, and waits until it is gone. */
  remove(functionName: string, namespace?: string): Promise<void>;
}

interface CallInit {
  readonly method?: string;
  readonly body?: string;
  readonly expected?: number;
}

interface Answer {
  readonly headers: Headers;
  readonly text: string;
}

const DEFAULT = 'openfaas-fn';

export function certified(gateway: AnyGateway): CertifiedGateway {
  const { request, url } = gateway;
  const read = async <T>(path: string): Promise<T> => {
    const response = await request(path);
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const accepted = async (what: string, response: Response): Promise<void> => {
    if (![200, 202].includes(response.status)) {
      throw new Error(`${what}: ${response.status} ${await response.text()}`);
    }
  };
  const pathOf = (name: string, namespace: string): string =>
    `/system/function/${name}?namespace=${namespace}`;
  const status: CertifiedGateway['status'] = (name, namespace = DEFAULT) => read(pathOf(name, namespace));
  return {
    ...gateway,
    status,
    list: (namespace) => read(`/system/functions?namespace=${namespace}`),
    deploy: async (deployment, update) => {
      const method = update === undefined ? 'POST' : 'PUT';
      const what = `${method} of ${deployment.service}`;
      await accepted(what, await request('/system/functions', { method, json: deployment }));
    },
    scale: async (serviceName, replicas, namespace = DEFAULT) => {
      const path = `/system/scale-function/${serviceName}?namespace=${namespace}`;
      const json = { serviceName, replicas, namespace };
      await accepted(path, await request(path, { method: 'POST', json }));
    },
    available: (name, namespace) =>
      until(`a replica of ${name}`, async () => (await status(name, namespace)).availableReplicas >= 1),
    call: async (path, { method = 'POST', body, expected = 200 } = {}) => {
      for (let attempt = 1; ; attempt += 1) {
        const response = await fetch(`${url}${path}`, {
          method,
          redirect: 'manual',
          ...(body === undefined ? {} : { body }),
          signal: AbortSignal.timeout(30_000),
        });
        const text = await response.text();
        if (response.status === expected) return { headers: response.headers, text };
        if (response.status === 401 || attempt === 30) {
          throw new Error(`${method} ${path}: ${response.status}, not ${expected}: ${text}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 750));
      }
    },
    createNamespace: async (name) => {
      const marked = { openfaas: '1' };
      const json = { name, labels: marked, annotations: marked };
      const { status } = await request('/system/namespace/', { method: 'POST', json });
      if (![200, 201, 202].includes(status)) throw new Error(`namespace ${name}: ${status}`);
    },
    removeNamespace: async (name) => {
      await request(`/system/namespace/${name}`, { method: 'DELETE', json: { name } });
    },
    remove: async (functionName, namespace = DEFAULT) => {
      await request('/system/functions', { method: 'DELETE', json: { functionName, namespace } });
      await until(
        `${functionName} is gone`,
        async () => (await request(pathOf(functionName, namespace))).status === 404,
      );
    },
  };
}
