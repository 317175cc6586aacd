import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, systemCode } from '../cli/errors.ts';
import type { FunctionDeployment } from '../contract/function-types.ts';
import { FaasError } from '../gateway/errors.ts';
import type { SecretStore } from '../gateway/functions/secret-store.ts';

/** In which a project keeps the values of its functions' secrets, as for `local-run`: one file each. */
export function secretsFolder(cwd: string): string {
  return join(cwd, '.secrets');
}

/**
 * Brings the secrets that a function names, and for which the project has a file `.secrets/NAME`, into the cluster.
 * @returns stands for their values: another one when a file has changed
 * @throws {CliError} when a file cannot be read
 */
export async function giveProjectSecrets(
  { secrets = [], namespace }: FunctionDeployment,
  options: { readonly folder: string; readonly store: SecretStore; readonly defaultNamespace: string },
): Promise<string> {
  const digest = createHash('sha256');
  for (const name of secrets) {
    const path = join(options.folder, name);
    const value = await readFile(path).catch((error: unknown) => {
      // It may have been made with `skep secret create`; if not, the gateway says that it is missing.
      if (systemCode(error) === 'ENOENT') return undefined;
      throw fileError('read', path, error);
    });
    digest.update(
      `${name}\n${value === undefined ? 'none' : createHash('sha256').update(value).digest('hex')}\n`,
    );
    if (value === undefined) continue;
    const ref = { name, namespace: namespace || options.defaultNamespace };
    try {
      await options.store.create(ref, value);
    } catch (error) {
      if (!(error instanceof FaasError && error.code === 'secret_exists')) throw error;
      await options.store.update(ref, value);
    }
  }
  return digest.digest('hex');
}
