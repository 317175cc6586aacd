import { ContractError } from '../../contract/contract-error.ts';
import { registryOf } from '../../contract/image-reference.ts';
import { type JsonObject, optionalString, parseJson, parseObject } from '../../contract/parse-json.ts';

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** Docker Hub, as images without a registry name it, and as Docker's own files do. */
const HUB = 'docker.io';
export const HUB_SERVER = 'https://index.docker.io/v1/';
const HUB_NAMES: ReadonlySet<string> = new Set([HUB, 'index.docker.io', 'registry-1.docker.io']);

/** Credentials for registries, from a `config.json` such as `docker login` and `skep registry-login` write. */
export class RegistryLogins {
  readonly #byHost: ReadonlyMap<string, RegistryLogin>;

  constructor(byHost: ReadonlyMap<string, RegistryLogin> = new Map()) {
    this.#byHost = byHost;
  }

  /** For the registry that this image's name tells. */
  of(image: string): RegistryLogin | undefined {
    return this.#byHost.get(hostOf(registryOf(image) ?? HUB));
  }

  /** For a registry as an engine names it: a host, or Docker Hub's URL. */
  at(server: string): RegistryLogin | undefined {
    return this.#byHost.get(hostOf(server));
  }

  /** All of them, by the names that an engine knows registries by. */
  byServer(): Record<string, RegistryLogin> {
    return Object.fromEntries(
      [...this.#byHost].map(([host, login]) => [host === HUB ? HUB_SERVER : host, login]),
    );
  }
}

/**
 * Reads the text of a `config.json`.
 * @throws {ContractError} that names the registry, and never a credential
 */
export function parseRegistryLogins(text: string): RegistryLogins {
  const config = parseObject(parseJson(text), 'config.json');
  for (const key of ['credsStore', 'credHelpers']) {
    if (config[key] !== undefined) {
      throw new ContractError(
        `${key}: a builder has no credential helpers: write the credentials into "auths", as skep registry-login does`,
      );
    }
  }
  const auths = Object.entries(parseObject(config['auths'] ?? {}, 'auths'));
  return new RegistryLogins(
    new Map(
      auths.map(([server, entry]) => [
        hostOf(server),
        parseLogin(parseObject(entry, `auths.${server}`), server),
      ]),
    ),
  );
}

function parseLogin(entry: JsonObject, server: string): RegistryLogin {
  const where = `auths.${server}`;
  const encoded = optionalString(entry, 'auth', `${where}.auth`);
  const text = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text?.indexOf(':') ?? -1;
  const username =
    text === undefined ? optionalString(entry, 'username', `${where}.username`) : text.slice(0, colon);
  const password =
    text === undefined ? optionalString(entry, 'password', `${where}.password`) : text.slice(colon + 1);
  if (!username || !password || (text !== undefined && colon < 1)) {
    throw new ContractError(`${where}: expected "auth", the base64 of user:password`);
  }
  return { username, password };
}

/** `https://reg.example/v2/` and `reg.example` are one registry. */
function hostOf(server: string): string {
  const host = server
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  return HUB_NAMES.has(host) ? HUB : host;
}
