import type { ParsedUrlQuery } from 'node:querystring';
import { ContractError } from '../../contract/contract-error.ts';
import {
  type FunctionRef,
  isFunctionName,
  qualifiedName,
  splitFunctionName,
} from '../../contract/function-ref.ts';
import { parseName } from '../../contract/parse-deployment.ts';
import { FaasError } from '../errors.ts';

/** Where a client may say which function it means. */
export interface NamedFunction {
  /** `name` or `name.namespace` */
  readonly text: string;
  readonly bodyNamespace?: string | undefined;
  readonly query: ParsedUrlQuery;
  readonly defaultNamespace: string;
}

/**
 * The function a client means.
 * @throws {ContractError} when it names two namespaces
 * @throws {FaasError} `function_not_found` for what no function can be called
 */
export function toFunctionRef({ text, bodyNamespace, query, defaultNamespace }: NamedFunction): FunctionRef {
  const { name, namespace: ofName } = splitFunctionName(text, '');
  const said = new Set(
    [ofName, bodyNamespace ?? '', queryNamespace(query) ?? ''].filter((each) => each !== ''),
  );
  if (said.size > 1) {
    throw new ContractError(`namespace: ${[...said].join(' and ')} are both named: which one is meant?`);
  }
  const [namespace = defaultNamespace] = said;
  const ref = { name, namespace };
  if (!isFunctionName(name) || !isFunctionName(namespace)) {
    // A terminal would act on control characters.
    const shown = qualifiedName(ref)
      .slice(0, 200)
      .replace(/\p{Cc}/gu, '?');
    throw new FaasError('function_not_found', `function ${shown} not found`);
  }
  return ref;
}

/** `?namespace=`; of several the last. @throws {ContractError} when it is no name */
export function queryNamespace(query: ParsedUrlQuery): string | undefined {
  const value = query['namespace'];
  const text = Array.isArray(value) ? value.at(-1) : value;
  return text === undefined || text === '' ? undefined : parseName(text, 'namespace');
}
