import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';

/** What is passed on of a replica's metrics, and nothing else. */
const FAMILIES = [
  { name: 'pod_cpu_usage_seconds_total', type: 'counter', help: 'CPU time used by the container' },
  {
    name: 'pod_memory_working_set_bytes',
    type: 'gauge',
    help: 'Memory of the container without inactive file pages',
  },
] as const;
/** Text from a function's container: no line of it is worth more than this. */
const LONGEST_LINE = 1000;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([0-9.eE+-]+)$/;

/**
 * A page anew with the known figures of one replica, without any label: who it is, the target list says. A function can
 * therefore tell a lie about itself, but none about another.
 * @param text the page of the watchdog at the replica's address
 * @returns an empty page where `text` has no figure of this function's
 */
export function toUsagePage(text: string, ref: FunctionRef): string {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line.length > LONGEST_LINE || !line.startsWith('pod_')) continue;
    const [, name = '', labels, value] = SAMPLE.exec(line) ?? [];
    const number = Number(value);
    if (values.has(name) || !Number.isFinite(number) || number < 0 || !isOf(ref, labels)) continue;
    values.set(name, number);
  }
  return FAMILIES.flatMap(({ name, type, help }) => {
    const value = values.get(name);
    return value === undefined ? [] : [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`];
  }).join('');
}

/** A watchdog that was not told which function it is says nothing; one that says another is at an address given away. */
function isOf(ref: FunctionRef, labels: string | undefined): boolean {
  if (labels === undefined || labels === '') return true;
  return labels === `function_name="${qualifiedName(ref)}",namespace="${ref.namespace}"`;
}
