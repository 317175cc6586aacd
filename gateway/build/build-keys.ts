import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePayloadSecret } from '../../contract/build-signature.ts';
import { type KeyPair, parsePrivateKey } from '../../contract/sealed-secrets.ts';
import { parseRegistryLogins, RegistryLogins } from './registry-logins.ts';

/** What the builder needs that nobody else may know. Each is a file that may be missing. */
export interface BuildKeys {
  /** With which requests to `POST /build` are signed; absent: nobody may ask there. */
  readonly payloadSecret?: string;
  /** For which build secrets are sealed; absent: none are taken. */
  readonly keyPair?: KeyPair;
  readonly logins: RegistryLogins;
}

export const NO_BUILD_KEYS: BuildKeys = { logins: new RegistryLogins() };

/**
 * Reads `payload-secret`, `builder-key` (a private key as `skep secret keygen` writes it) and `config.json`.
 * @throws {Error} that names the file, for one that is there and cannot be used
 */
export async function loadBuildKeys(folder: string): Promise<BuildKeys> {
  const payloadSecret = await readAs(join(folder, 'payload-secret'), parsePayloadSecret);
  const keyPair = await readAs(join(folder, 'builder-key'), parsePrivateKey);
  const logins = await readAs(join(folder, 'config.json'), parseRegistryLogins);
  return {
    ...(payloadSecret !== undefined && { payloadSecret }),
    ...(keyPair !== undefined && { keyPair }),
    logins: logins ?? new RegistryLogins(),
  };
}

async function readAs<T>(path: string, parse: (text: string) => T): Promise<T | undefined> {
  try {
    return parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
