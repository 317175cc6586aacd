import type { ParsedUrlQuery } from 'node:querystring';
import { CALL_STATES } from '../../../contract/call-status.ts';
import { ContractError } from '../../../contract/contract-error.ts';
import { parseDurationMs } from '../../../contract/duration.ts';
import { qualifiedName } from '../../../contract/function-ref.ts';
import type { CallState } from '../../queue/call.ts';
import { toFunctionRef } from '../function-ref.ts';

const USUAL_CALLS = 50;
const MOST_CALLS = 1000;
const LONGEST_WAIT_MS = 300_000;
const MOST_PER_SECOND = 1000;

/** `?function=`, with `?namespace=`. @returns `name.namespace`; undefined: all. @throws {FaasError} `function_not_found` */
export function parseFunction(query: ParsedUrlQuery, defaultNamespace: string): string | undefined {
  const text = last(query, 'function');
  // What a script has left empty by mistake must not mean all of them.
  if (text === undefined && query['function'] !== undefined)
    throw new ContractError('function: expected a name; leave it away for all functions');
  if (text !== undefined) return qualifiedName(toFunctionRef({ text, query, defaultNamespace }));
  if (last(query, 'namespace') !== undefined)
    throw new ContractError('namespace: it says where a function is: add function=NAME');
  return undefined;
}

/** `?status=` */
export function parseState(query: ParsedUrlQuery): CallState | undefined {
  const text = last(query, 'status');
  const state = CALL_STATES.find((each) => each === text);
  if (text !== undefined && state === undefined)
    throw new ContractError(`status: expected one of ${CALL_STATES.join(', ')}`);
  return state;
}

/** `?limit=` and `?cursor=` */
export function parsePage(query: ParsedUrlQuery): { readonly limit: number; readonly cursor?: string } {
  const limit = parseWhole(query, 'limit', { fallback: USUAL_CALLS, least: 1, most: MOST_CALLS });
  const cursor = last(query, 'cursor');
  return { limit, ...(cursor !== undefined && { cursor }) };
}

/** `?wait=`: how long to wait for a call's end; longer than five minutes is five minutes. */
export function parseWait(query: ParsedUrlQuery): number {
  const text = last(query, 'wait');
  if (text === undefined) return 0;
  try {
    return Math.min(parseDurationMs(text), LONGEST_WAIT_MS);
  } catch (cause) {
    throw new ContractError('wait: expected a time to wait, such as 30s', { cause });
  }
}

/** `?rate=`: calls a second; 0: all at once. */
export function parseRate(query: ParsedUrlQuery): number {
  return parseWhole(query, 'rate', { fallback: 0, least: 0, most: MOST_PER_SECOND });
}

function parseWhole(
  query: ParsedUrlQuery,
  key: string,
  { fallback, least, most }: { readonly fallback: number; readonly least: number; readonly most: number },
): number {
  const text = last(query, key);
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text) || Number(text) < least || Number(text) > most)
    throw new ContractError(`${key}: expected a whole number from ${least} to ${most}`);
  return Number(text);
}

function last(query: ParsedUrlQuery, key: string): string | undefined {
  const value = query[key];
  const text = Array.isArray(value) ? value.at(-1) : value;
  return text === '' ? undefined : text;
}
