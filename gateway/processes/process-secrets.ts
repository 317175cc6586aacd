import { access, copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { SecretRef } from '../../contract/parse-secret.ts';
import { FaasError } from '../errors.ts';
import { oneAtATime } from '../functions/one-at-a-time.ts';
import type { SecretStore } from '../functions/secret-store.ts';
import { codeOf, onDisk, writeWhole } from './files.ts';

/** Which functions name a secret of their namespace. */
export type SecretUsers = (ref: SecretRef) => readonly FunctionRef[];

/**
 * Secrets as files that only their owner may read: `NAMESPACE/NAME` below the folder, the newest value alone. What a deployment mounts is
 * a copy of its own, so that replicas of it that start later have what the first one had.
 */
export class ProcessSecrets implements SecretStore {
  readonly #folder: string;
  readonly #usersOf: SecretUsers;
  readonly #inTurn = oneAtATime();

  constructor(folder: string, usersOf: SecretUsers) {
    this.#folder = folder;
    this.#usersOf = usersOf;
  }

  list(namespace: string): Promise<SecretRef[]> {
    return onDisk(async () => {
      const names = await readdir(join(this.#folder, namespace)).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      });
      // Drafts of values begin with a dot, names do not.
      return names
        .filter((name) => !name.startsWith('.'))
        .sort()
        .map((name) => ({ name, namespace }));
    });
  }

  create(ref: SecretRef, value: Uint8Array): Promise<void> {
    return this.#change(ref, async (path) => {
      if (await exists(path)) {
        throw new FaasError(
          'secret_exists',
          `secret ${qualifiedName(ref)} exists already: update it with PUT`,
        );
      }
      await mkdir(join(this.#folder, ref.namespace), { recursive: true, mode: 0o700 });
      await writeWhole(path, value);
    });
  }

  update(ref: SecretRef, value: Uint8Array): Promise<void> {
    return this.#change(ref, async (path) => {
      if (!(await exists(path))) throw notFound(ref);
      await writeWhole(path, value);
    });
  }

  remove(ref: SecretRef): Promise<void> {
    return this.#change(ref, async (path) => {
      if (!(await exists(path))) throw notFound(ref);
      const users = this.#usersOf(ref);
      if (users.length > 0) {
        throw new FaasError(
          'secret_in_use',
          `secret ${qualifiedName(ref)} is used by ${users.map(qualifiedName).join(', ')}: remove them, or deploy them without it, first`,
        );
      }
      await rm(path);
    });
  }

  /** There are none: each deployment's copies go with it. */
  async removeUnused(): Promise<void> {}

  /**
   * Copies secrets of one namespace into a new folder.
   * @throws {FaasError} `invalid_request` that names those which do not exist
   */
  async copyTo(folder: string, names: readonly string[], namespace: string): Promise<void> {
    await onDisk(async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const missing: string[] = [];
      for (const name of names) {
        if (!/^\w[^/\0]*$/.test(name)) {
          missing.push(name);
          continue;
        }
        try {
          await copyFile(join(this.#folder, namespace, name), join(folder, name));
        } catch (error) {
          if (codeOf(error) !== 'ENOENT') throw error;
          missing.push(name);
        }
      }
      if (missing.length === 0) return;
      await rm(folder, { recursive: true, force: true });
      throw new FaasError('invalid_request', `secret not found: ${missing.join(', ')}`);
    });
  }

  #change(ref: SecretRef, job: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.#folder, ref.namespace, ref.name);
    return this.#inTurn(path, () => onDisk(() => job(path)));
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

function notFound(ref: SecretRef): FaasError {
  return new FaasError('secret_not_found', `secret ${qualifiedName(ref)} not found`);
}
