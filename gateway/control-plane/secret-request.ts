import type { IncomingMessage } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import { checkJson } from '../../contract/check-json.ts';
import { ContractError } from '../../contract/contract-error.ts';
import type { SecretRef } from '../../contract/parse-secret.ts';
import { FaasError } from '../errors.ts';
import type { Namespaces } from '../functions/namespaces.ts';
import type { SecretStore } from '../functions/secret-store.ts';
import { queryNamespace } from './function-ref.ts';
import { readText } from './read-json.ts';

export interface SecretRoutes {
  readonly secrets: SecretStore;
  readonly namespaces: Pick<Namespaces, 'exists' | 'defaultNamespace'>;
}

/** A value of 500 KB comes twice from `--from-file`: in base64, and as text in which a byte may take six characters. */
const LIMIT_BYTES = 4 * 1024 * 1024;

/** The body as JSON. @throws {ContractError} without a word of what it holds: that may be a password */
export async function readSecretBody(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request, LIMIT_BYTES);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ContractError(text === '' ? 'the body is empty: expected JSON' : 'the body is not valid JSON');
  }
  checkJson(text);
  return body;
}

/** The secret that a client means. @throws {FaasError} as `secretNamespace` */
export async function toSecretRef(
  sent: { readonly name: string; readonly namespace?: string },
  query: ParsedUrlQuery,
  routes: SecretRoutes,
): Promise<SecretRef> {
  return { name: sent.name, namespace: await secretNamespace(sent.namespace, query, routes) };
}

/** The namespace that a client means. @throws {FaasError} `invalid_request` when it names two, or one that does not exist */
export async function secretNamespace(
  bodyNamespace: string | undefined,
  query: ParsedUrlQuery,
  { secrets, namespaces }: SecretRoutes,
): Promise<string> {
  const ofQuery = queryNamespace(query);
  if (bodyNamespace !== undefined && ofQuery !== undefined && bodyNamespace !== ofQuery) {
    throw new ContractError(`namespace: ${bodyNamespace} and ${ofQuery} are both named: which one is meant?`);
  }
  const namespace = bodyNamespace ?? ofQuery ?? namespaces.defaultNamespace;
  // Secrets may outlive their namespace, where it existed by its functions alone: they can still be removed.
  if (!(await namespaces.exists(namespace)) && (await secrets.list(namespace)).length === 0) {
    throw new FaasError(
      'invalid_request',
      `unable to manage secrets within the ${namespace} namespace: it does not exist, create it with \`faas-cli namespace create ${namespace}\` (or skep)`,
    );
  }
  return namespace;
}
