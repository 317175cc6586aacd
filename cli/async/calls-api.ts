import type { CallList, CallStatus, DeadCall, DeadCallList } from '../../contract/call-status.ts';
import { CliError } from '../errors.ts';
import { type GatewayClient, type GatewayReply, unauthorised } from '../gateway-client.ts';

/** Asked for at once. */
const PAGE = 500;

export interface CallFilter {
  /** `name` or `name.namespace`; empty: all. */
  readonly function: string;
  readonly namespace: string;
}

/** @param most of all pages together */
export async function listCalls(
  gateway: GatewayClient,
  filter: CallFilter & { readonly status: string },
  most: number,
): Promise<CallStatus[]> {
  return pages(most, async (limit, cursor) => {
    const query = { ...named(filter), ...(filter.status !== '' && { status: filter.status }) };
    const page = await getJson<CallList>(gateway, `/system/calls${search({ ...query, limit, cursor })}`);
    return { items: listIn(page.calls, gateway), cursor: page.cursor };
  });
}

export async function listDead(
  gateway: GatewayClient,
  filter: CallFilter,
  most: number,
): Promise<DeadCall[]> {
  return pages(most, async (limit, cursor) => {
    const path = `/system/dead-letters${search({ ...named(filter), limit, cursor })}`;
    const page = await getJson<DeadCallList>(gateway, path);
    return { items: listIn(page.deadLetters, gateway), cursor: page.cursor };
  });
}

export async function readCall(gateway: GatewayClient, id: string): Promise<CallStatus> {
  return getJson(gateway, callPath(id));
}

export async function readDead(gateway: GatewayClient, id: string): Promise<DeadCall> {
  return getJson(gateway, deadPath(id));
}

/** @returns how many */
export async function purgeDead(gateway: GatewayClient, what: CallFilter | string): Promise<number> {
  const path = typeof what === 'string' ? deadPath(what) : `/system/dead-letters${search(named(what))}`;
  return countIn(parse(gateway, checked(gateway, await gateway.request('DELETE', path))), 'purged');
}

/** @param rate calls a second, 0: all at once. @returns how many */
export async function redrive(
  gateway: GatewayClient,
  what: CallFilter | string,
  rate: number,
): Promise<number> {
  const query = { ...(typeof what !== 'string' && named(what)), ...(rate > 0 && { rate }) };
  const base = typeof what === 'string' ? deadPath(what) : '/system/dead-letters';
  const reply = await gateway.request('POST', `${base}/redrive${search(query)}`);
  return countIn(parse(gateway, checked(gateway, reply)), 'redriven');
}

export async function cancelCall(gateway: GatewayClient, id: string): Promise<void> {
  checked(gateway, await gateway.request('DELETE', `/async-function/${encodeURIComponent(id)}`));
}

export function callPath(id: string): string {
  return `/system/calls/${encodeURIComponent(id)}`;
}

function deadPath(id: string): string {
  return `/system/dead-letters/${encodeURIComponent(id)}`;
}

/** What the gateway says stands for itself. */
function checked(gateway: GatewayClient, reply: Pick<GatewayReply, 'status' | 'body'>): string {
  const { status, body } = reply;
  if (status >= 200 && status < 300) return body;
  if (status === 401) throw unauthorised(gateway.url);
  throw new CliError(`Server returned unexpected status code: ${status} - ${body.trim()}`);
}

async function getJson<T extends object>(gateway: GatewayClient, path: string): Promise<T> {
  return parse(gateway, checked(gateway, await gateway.request('GET', path))) as T;
}

function parse(gateway: GatewayClient, body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // told below
  }
  throw new CliError(`${gateway.url} answered something that tells of no call: is this a Skep gateway?`);
}

function listIn<T>(list: readonly T[] | undefined, gateway: GatewayClient): readonly T[] {
  if (Array.isArray(list)) return list;
  throw new CliError(`${gateway.url} answered something that is no list of calls`);
}

function countIn(answer: object, key: string): number {
  const count: unknown = Object.entries(answer).find(([name]) => name === key)?.[1];
  if (typeof count !== 'number') throw new CliError(`the gateway did not say how many calls were ${key}`);
  return count;
}

function named({ function: name, namespace }: CallFilter): Record<string, string> {
  return { ...(name !== '' && { function: name }), ...(namespace !== '' && { namespace }) };
}

function search(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) given.set(key, String(value));
  return given.size === 0 ? '' : `?${given}`;
}

async function pages<T>(
  most: number,
  read: (limit: number, cursor?: string) => Promise<{ items: readonly T[]; cursor?: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(Math.min(PAGE, most - all.length), cursor);
    all.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined && all.length < most);
  return all;
}
