import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Response } from 'node-fetch';
import { BUILD_SIGNATURE_HEADER, parsePayloadSecret, signBuild } from '../../contract/build-signature.ts';
import { parsePublicKey } from '../../contract/sealed-secrets.ts';
import { CliError, fileError, messageOf, systemCode } from '../errors.ts';
import { call, type GatewayClient, unauthorised } from '../gateway-client.ts';
import type { Shell } from '../shell.ts';

/** Builds take as long as their downloads. */
export const BUILD_TIMEOUT_MS = 30 * 60_000;

/** Who builds elsewhere: a gateway that we are logged in to, or a builder that shares a secret with us. */
export interface RemoteBuilder {
  readonly url: string;
  /** Sends a build request; the answer as it came. */
  send(body: Buffer): Promise<Response>;
  /** In base64. @throws {CliError} when there is none to be had */
  publicKey(): Promise<string>;
  /** What a 401 means here, and what to do. */
  refused(): CliError;
}

const HEADERS = { 'Content-Type': 'application/octet-stream', Accept: 'application/x-ndjson' };

/** Through `POST /system/build`, with the saved login. @param givenKey text of a public key, in place of the builder's answer */
export function gatewayBuilder(gateway: GatewayClient, givenKey: string | undefined): RemoteBuilder {
  return {
    url: gateway.url,
    send: (body) =>
      gateway.open('POST', '/system/build', { headers: HEADERS, body, timeoutMs: BUILD_TIMEOUT_MS }),
    publicKey: () => keyOf(givenKey, gateway.url, () => gateway.open('GET', '/publickey')),
    refused: () => unauthorised(gateway.url),
  };
}

export interface SignedBuilderOptions {
  /** e.g. `http://127.0.0.1:8081`; a path of it is dropped, as faas-cli does. */
  readonly url: string;
  readonly payloadSecret: string;
  readonly publicKey?: string | undefined;
  readonly tlsNoVerify: boolean;
}

/** Through `POST /build`, signed with the payload secret. @throws {CliError} for what is no URL */
export function signedBuilder(options: SignedBuilderOptions): RemoteBuilder {
  const { payloadSecret, tlsNoVerify } = options;
  const parsed = URL.parse(options.url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new CliError(
      `--remote-builder must be a URL such as http://127.0.0.1:8080, but you gave: ${options.url}`,
    );
  }
  const url = parsed.origin;
  return {
    url,
    send: (body) =>
      call(`${url}/build`, {
        method: 'POST',
        headers: { ...HEADERS, [BUILD_SIGNATURE_HEADER]: signBuild(body, payloadSecret) },
        body,
        timeoutMs: BUILD_TIMEOUT_MS,
        tlsNoVerify,
      }),
    publicKey: () =>
      keyOf(options.publicKey, url, () => call(`${url}/publickey`, { timeoutMs: 60_000, tlsNoVerify })),
    refused: () =>
      new CliError(
        `the builder at ${url} refused the signature: is the --payload-secret the one that it has?`,
      ),
  };
}

async function keyOf(given: string | undefined, url: string, ask: () => Promise<Response>): Promise<string> {
  if (given !== undefined) return parsePublicKey(given);
  const response = await ask();
  const text = await response.text();
  if (response.status !== 200) {
    throw new CliError(`${url} has no key to seal build secrets for: ${response.status} - ${text.trim()}`);
  }
  try {
    return parsePublicKey(text);
  } catch (error) {
    throw new CliError(`${url}/publickey: ${messageOf(error)}`, { cause: error });
  }
}

/** The text of a payload secret's file. @throws {CliError} */
export async function readPayloadSecret(shell: Shell, path: string): Promise<string> {
  try {
    return parsePayloadSecret(await readFile(resolve(shell.cwd, path), 'utf8'));
  } catch (error) {
    if (systemCode(error) === undefined) throw new CliError(`${path}: ${messageOf(error)}`, { cause: error });
    throw fileError('read the payload secret', path, error);
  }
}

/** A public key that was given as a path or as itself. @throws {CliError} for neither */
export async function readPublicKey(shell: Shell, given: string): Promise<string> {
  const text = await readFile(resolve(shell.cwd, given), 'utf8').catch((error: unknown) => {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return given;
    throw fileError('read the public key', given, error);
  });
  try {
    return parsePublicKey(text);
  } catch (error) {
    throw new CliError(
      `"${given.slice(0, 100)}" is neither a file with a public key nor a public key: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
