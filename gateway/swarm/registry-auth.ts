import type { AuthConfig } from 'dockerode';
import { parseImageReference } from '../../contract/image-reference.ts';
import { FaasError } from '../errors.ts';
import { byContract } from '../functions/by-contract.ts';

const DOCKER_HUB = 'docker.io';

/**
 * What the engine needs for a private image.
 * @param registryAuth base64 of `user:password`; the password may hold colons
 * @throws {FaasError} `invalid_request` that names the field, and never its content
 */
export function toAuthConfig(image: string, registryAuth: string | undefined): AuthConfig | undefined {
  if (registryAuth === undefined || registryAuth === '') return undefined;
  const text = Buffer.from(registryAuth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(registryAuth) || colon < 1) {
    throw new FaasError('invalid_request', 'registryAuth: expected base64 of user:password');
  }
  return {
    username: text.slice(0, colon),
    password: text.slice(colon + 1),
    serveraddress: byContract(() => parseImageReference(image)).registry ?? DOCKER_HUB,
  };
}
