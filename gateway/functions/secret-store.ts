import type { SecretRef } from '../../contract/parse-secret.ts';

/** The cluster's secrets that functions may mount. Values go in, and come out in functions alone. */
export interface SecretStore {
  /** Those of one namespace, by name. @throws {FaasError} `provider_unavailable` */
  list(namespace: string): Promise<SecretRef[]>;
  /** @throws {FaasError} `secret_exists`, `provider_unavailable` */
  create(ref: SecretRef, value: Uint8Array): Promise<void>;
  /** A new version: functions mount it from their next deployment on, and those that run keep what they have.
   *  @throws {FaasError} `secret_not_found`, `provider_unavailable` */
  update(ref: SecretRef, value: Uint8Array): Promise<void>;
  /** All versions. @throws {FaasError} `secret_not_found`, `secret_in_use` with the functions' names, `provider_unavailable` */
  remove(ref: SecretRef): Promise<void>;
  /** Removes replaced versions that no function has any more, nor would have again after a rollback.
   *  @throws {FaasError} `provider_unavailable` */
  removeUnused(): Promise<void>;
}
