import type { EnvReader } from './config-readers.ts';

/** Where to learn which keys sign tokens, and who this function is to them. */
export interface JwtConfig {
  /** The authority's OpenID configuration. Env `jwt_auth_authority`. */
  readonly authorityUrl: string;
  /** Env OPENFAAS_NAME. */
  readonly name: string;
  /** Env OPENFAAS_NAMESPACE; undefined: the namespace of the Kubernetes service account. */
  readonly namespace: string | undefined;
  /** Log who calls, not only who is refused. Env `jwt_auth_debug`. */
  readonly isDebug: boolean;
}

const DEFAULT_AUTHORITY = 'http://gateway:8080/.well-known/openid-configuration';
/** The contract's authority of a function that runs on a developer's machine. */
const LOCAL_AUTHORITY = 'http://127.0.0.1:8000/.well-known/openid-configuration';

/** Reads what function authentication needs. @returns undefined unless `jwt_auth` asks for it */
export function readJwtConfig(
  reader: EnvReader,
  flag: (key: string, fallback: boolean) => boolean,
): JwtConfig | undefined {
  const isLocal = flag('jwt_auth_local', false);
  const isDebug = flag('jwt_auth_debug', false);
  const authority = reader.read('jwt_auth_authority', undefined, parseAuthority);
  if (!flag('jwt_auth', false)) return undefined;
  if (isLocal && authority !== undefined) {
    reader.problems.push('jwt_auth_local=true: jwt_auth_authority names another authority; remove one');
  }
  const name = reader.text('OPENFAAS_NAME');
  if (name === undefined) {
    reader.problems.push('OPENFAAS_NAME: jwt_auth=true needs the name of the function');
  }
  return {
    authorityUrl: authority ?? (isLocal ? LOCAL_AUTHORITY : DEFAULT_AUTHORITY),
    name: name ?? '',
    namespace: reader.text('OPENFAAS_NAMESPACE'),
    isDebug,
  };
}

function parseAuthority(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Error(`expected the URL of an OpenID configuration, such as ${DEFAULT_AUTHORITY}`);
  }
  return url.href;
}
