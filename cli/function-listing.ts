import type { FunctionStatus } from '../contract/function-types.ts';
import { CliError } from './errors.ts';
import type { GatewayClient } from './gateway-client.ts';

/** A function as the gateway answered it: what we print is known, the rest is passed on with --json. */
export type ListedFunction = Partial<FunctionStatus> & { readonly name: string };

export const SORT_ORDERS = ['name', 'invocations', 'creation'] as const;

/** GET /system/functions. @throws {CliError} when the answer is no list of functions */
export async function listFunctions(gateway: GatewayClient, namespace: string): Promise<ListedFunction[]> {
  const query = namespace === '' ? '' : `?namespace=${encodeURIComponent(namespace)}`;
  const answer = await gateway.getJson(`/system/functions${query}`);
  if (answer === null) return []; // a Go gateway's empty list
  if (!Array.isArray(answer) || !answer.every(isListedFunction)) {
    throw new CliError(`${gateway.url}/system/functions answered something that is no list of functions`);
  }
  return answer;
}

export function isListedFunction(value: unknown): value is ListedFunction {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}

/** By name; most called first; oldest first. @throws {CliError} for another order */
export function sortFunctions(functions: readonly ListedFunction[], order: string): ListedFunction[] {
  const byName = (a: ListedFunction, b: ListedFunction): number =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  switch (order) {
    case 'name':
      return functions.toSorted(byName);
    case 'invocations':
      return functions.toSorted(
        (a, b) => (b.invocationCount ?? 0) - (a.invocationCount ?? 0) || byName(a, b),
      );
    case 'creation':
      return functions.toSorted((a, b) => timeOf(a) - timeOf(b) || byName(a, b));
    default:
      throw new CliError(`--sort must be one of ${SORT_ORDERS.join(', ')}, but you gave: ${order}`);
  }
}

function timeOf({ createdAt }: ListedFunction): number {
  const time = Date.parse(createdAt ?? '');
  return Number.isNaN(time) ? 0 : time;
}

/** The lines of `list`, heading first. */
export function functionTable(
  functions: readonly ListedFunction[],
  { verbose }: { verbose: boolean },
): string[] {
  const number = (value: number | undefined): string => String(Math.trunc(value ?? 0));
  if (!verbose) {
    const row = (name: string, calls: string, replicas: string): string =>
      `${name.padEnd(30)}\t${calls.padEnd(15)}\t${replicas.padEnd(5)}`;
    return [
      row('Function', 'Invocations', 'Replicas'),
      ...functions.map((fn) => row(fn.name, number(fn.invocationCount), number(fn.replicas))),
    ];
  }
  const width = Math.max(40, ...functions.map((fn) => fn.image?.length ?? 0));
  const row = (name: string, image: string, calls: string, replicas: string): string =>
    `${name.padEnd(30)}\t${image.padEnd(width)}\t${calls.padEnd(15)}\t${replicas.padEnd(5)}`;
  return [
    `${row('Function', 'Image', 'Invocations', 'Replicas')}\t${'CreatedAt'.padEnd(5)}`,
    ...functions.map(
      (fn) =>
        `${row(fn.name, fn.image ?? '', number(fn.invocationCount), number(fn.replicas))}\t\t${dateText(fn.createdAt ?? '').padEnd(5)}`,
    ),
  ];
}

/** A date as faas-cli prints it, `2026-01-02 03:04:05.6 +0000 UTC`; what is no date in UTC stays as it is. */
function dateText(date: string): string {
  const [, day, time, fraction = ''] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?:Z|[+-]00:00)$/.exec(date) ?? [];
  if (day === undefined || time === undefined) return date;
  return `${day} ${time}${fraction.replace(/\.?0+$/, '')} +0000 UTC`;
}
