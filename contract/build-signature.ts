import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import { ContractError } from './contract-error.ts';

/** Header of `POST /build`: `sha256=<hex HMAC-SHA256 of the whole body>`. */
export const BUILD_SIGNATURE_HEADER = 'X-Build-Signature';

/** Blanks around a payload secret do not count: files end with a newline. @throws {ContractError} for an empty one */
export function parsePayloadSecret(text: string): string {
  const secret = text.trim();
  if (secret === '') throw new ContractError('the payload secret is empty: anybody could sign with it');
  return secret;
}

/** What a signature is made of: fed with the body as it comes. */
export function startSignature(secret: string): Hmac {
  return createHmac('sha256', secret);
}

/** @returns the header's value */
export function signBuild(body: Uint8Array, secret: string): string {
  return `sha256=${startSignature(secret).update(body).digest('hex')}`;
}

/** The 32 bytes of a header's value. @throws {ContractError} when it is missing or no signature */
export function parseSignature(header: string): Buffer {
  const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(header.trim()) ?? [];
  if (hex === undefined) {
    throw new ContractError(
      `${BUILD_SIGNATURE_HEADER}: expected sha256= and the HMAC-SHA256 of the body with the payload secret, in 64 hexadecimal digits`,
    );
  }
  return Buffer.from(hex, 'hex');
}

/** Takes as long whichever byte differs. */
export function isSignedBy(signature: Uint8Array, digest: Uint8Array): boolean {
  return signature.length === digest.length && timingSafeEqual(signature, digest);
}
