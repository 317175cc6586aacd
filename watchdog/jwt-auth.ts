// Loaded only where `jwt_auth=true` asks for it: who does not pays nothing.
import { readFileSync } from 'node:fs';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Authenticator, Verdict } from './authenticate.ts';
import type { JwtConfig } from './jwt-config.ts';
import { parseFunctionClaim, permits } from './permission.ts';
import { ALGORITHMS, readAuthority, SigningKeys } from './signing-keys.ts';

const LEEWAY_SECONDS = 1;
const SERVICE_ACCOUNT_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
const NO_BEARER = 'Bearer must be present in Authorization header';

/**
 * Reads the authority and its keys, trying for some seconds.
 * @returns what judges a call by its `Authorization` headers
 * @throws {Error} when there is no authority to rely on: without one nobody could be let in
 */
export async function openJwtAuth(config: JwtConfig, log: (text: string) => void): Promise<Authenticator> {
  const reference = `${config.namespace ?? serviceAccountNamespace()}:${config.name}`;
  const note = (text: string): void => log(`[JWT Auth] ${text}`);
  const { issuer, keysUrl } = await readAuthority(config.authorityUrl, note);
  const keys = await SigningKeys.open(keysUrl, { note });
  note(`Issuer: ${issuer}\tJWKS URI: ${keysUrl}\tFunction: ${reference}`);

  return async (authorizations): Promise<Verdict> => {
    const token = bearerToken(authorizations);
    if (token === undefined) return { status: 401, text: NO_BEARER };
    let payload: JWTPayload;
    let isPermitted: boolean;
    try {
      const verified = await jwtVerify(token, keys.keyFor, {
        algorithms: ALGORITHMS,
        issuer,
        audience: issuer,
        requiredClaims: ['exp'],
        clockTolerance: LEEWAY_SECONDS,
      });
      payload = verified.payload;
      isPermitted = permits(parseFunctionClaim(payload['function']), reference);
    } catch (error) {
      const reason = (error as Error).message;
      if (config.isDebug || !(error instanceof errors.JOSEError)) note(`a token was refused: ${reason}`);
      return { status: 401, text: `failed to parse JWT token: ${reason}` };
    }
    if (config.isDebug) {
      const { sub, aud, function: claim } = payload;
      note(`Token: ${JSON.stringify({ subject: sub, audience: aud, function: claim, isPermitted })}`);
    }
    return isPermitted ? 'allowed' : { status: 403, text: 'insufficient permissions' };
  };
}

/** The token of exactly one `Authorization: Bearer …`: of several nobody knows which the function would believe. */
function bearerToken(authorizations: readonly string[]): string | undefined {
  const [only = '', ...others] = authorizations;
  return others.length > 0 ? undefined : /^Bearer +(\S+)\s*$/i.exec(only)?.[1];
}

function serviceAccountNamespace(): string {
  try {
    return readFileSync(SERVICE_ACCOUNT_NAMESPACE, 'utf8').trim();
  } catch {
    throw new Error(`jwt_auth=true needs OPENFAAS_NAMESPACE (or ${SERVICE_ACCOUNT_NAMESPACE})`);
  }
}
