import type { FunctionNamespace } from '../../contract/parse-namespace.ts';

/** What the cluster keeps of namespaces: those that somebody made, with their labels and annotations. */
export interface NamespaceStore {
  /** By name. @throws {FaasError} `provider_unavailable` */
  list(): Promise<FunctionNamespace[]>;
  /** @throws {FaasError} `namespace_exists`, `invalid_request` (a reserved label), `provider_unavailable` */
  create(namespace: FunctionNamespace): Promise<void>;
  /** Replaces labels and annotations. @throws {FaasError} `namespace_not_found`, `invalid_request`, `provider_unavailable` */
  update(namespace: FunctionNamespace): Promise<void>;
  /** @throws {FaasError} `namespace_not_found`, `provider_unavailable` */
  remove(name: string): Promise<void>;
}
