import { createHmac, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

/** A key pair of an authority. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey | KeyObject;
  readonly publicJwk: JWK;
  readonly publicPem: string;
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, publicJwk, publicPem: await exportSPKI(publicKey) };
}

/** Claims that every function takes, unless others are given. `undefined` leaves one out. */
export function sign(issuer: string, key: SigningKey, claims: JWTPayload = {}, header = {}): Promise<string> {
  const all = { iss: issuer, aud: [issuer], exp: now() + 60, ...permit('*'), ...claims };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(present)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}

export function permit(...permissions: string[]): JWTPayload {
  return { function: { permissions } };
}

/** Seconds since the epoch. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** A token whose parts are what the forger likes; `secret` signs by HMAC, without one the signature is empty. */
export function forge(header: object, claims: object, secret?: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part(header)}.${part(claims)}`;
  const signature = secret === undefined ? '' : createHmac('sha256', secret).update(text).digest('base64url');
  return `${text}.${signature}`;
}

/** An OpenID authority on this machine: its configuration, and its public keys. */
export class Authority {
  readonly issuer = 'https://authority.example';
  keys: SigningKey[];
  /** Answers everything with this status instead, for as long as it is set. */
  failsWith: number | undefined;
  /** Sent in place of the configuration. */
  configuration: unknown;
  /** Sent in place of the keys. */
  keySet: unknown;
  configurationReads = 0;
  keyReads = 0;
  readonly #server: Server;

  constructor(...keys: SigningKey[]) {
    this.keys = keys;
    this.#server = createServer((request, response) => {
      const isKeys = request.url === '/keys';
      if (isKeys) this.keyReads++;
      else this.configurationReads++;
      response.statusCode = this.failsWith ?? 200;
      response.end(JSON.stringify(isKeys ? this.#keySet() : this.#configuration()));
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `${this.#base}/.well-known/openid-configuration`;
  }

  get keysUrl(): string {
    return `${this.#base}/keys`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  get #base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #configuration(): unknown {
    return this.configuration ?? { issuer: this.issuer, jwks_uri: this.keysUrl };
  }

  #keySet(): unknown {
    return this.keySet ?? { keys: this.keys.map(({ publicJwk }) => publicJwk) };
  }
}
