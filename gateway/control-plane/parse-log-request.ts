import type { ParsedUrlQuery } from 'node:querystring';
import { FaasError } from '../errors.ts';
import type { LogRequest } from '../functions/log-source.ts';
import { toFunctionRef } from './function-ref.ts';

const RFC_3339 = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** The spellings of Go's ParseBool. */
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);
const LONGEST_INSTANCE = 200;

/**
 * The query of `GET /system/logs`: of a repeated parameter the last one counts, an empty one is as none.
 * @throws {FaasError} `invalid_log_request`; `function_not_found` for what no function can be called
 * @throws {ContractError} when it names two namespaces
 */
export function parseLogRequest(query: ParsedUrlQuery, defaultNamespace: string): LogRequest {
  const name = last(query, 'name');
  if (name === undefined) throw unreadable('name: which function? Add ?name=…');
  const tail = parseTail(last(query, 'tail'));
  const since = last(query, 'since');
  if (since !== undefined && !isTime(since))
    throw unreadable('since: expected a time such as 2026-01-31T12:00:00Z');
  const instance = last(query, 'instance');
  if (instance !== undefined && instance.length > LONGEST_INSTANCE)
    throw unreadable(`instance: at most ${LONGEST_INSTANCE} characters`);
  return {
    ref: toFunctionRef({ text: name, query, defaultNamespace }),
    follow: parseFollow(last(query, 'follow')),
    ...(tail !== undefined && { tail }),
    ...(since !== undefined && { since }),
    ...(instance !== undefined && { instance }),
  };
}

function last(query: ParsedUrlQuery, key: string): string | undefined {
  const value = query[key];
  const text = Array.isArray(value) ? value.at(-1) : value;
  return text === '' ? undefined : text;
}

/** Undefined is without limit, as are 0 and what is below. */
function parseTail(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw unreadable('tail: expected a number of lines');
  const lines = Number(text);
  return lines > 0 ? lines : undefined;
}

function parseFollow(text: string | undefined): boolean {
  if (text === undefined || FALSE.has(text)) return false;
  if (TRUE.has(text)) return true;
  throw unreadable('follow: expected true or false');
}

function isTime(text: string): boolean {
  const [, date = ''] = RFC_3339.exec(text) ?? [];
  if (date === '' || Number.isNaN(Date.parse(text))) return false;
  // Some parsers roll 30 February over into March.
  const day = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}

function unreadable(what: string): FaasError {
  return new FaasError('invalid_log_request', `could not parse the log request: ${what}`);
}
