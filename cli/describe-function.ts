import { DEVICES } from '../contract/function-types.ts';
import { functionUrl } from './deploy/function-url.ts';
import type { ListedFunction } from './function-listing.ts';

export interface Usage {
  readonly cpu?: number;
  readonly totalMemoryBytes?: number;
}
export interface Description {
  readonly fn: ListedFunction & { readonly usage?: Usage };
  readonly invocationCount: number;
  readonly url: string;
  readonly asyncUrl: string;
}

/** Brings together the function's status and its call count, which only the list tells. */
export function describe(
  fn: Description['fn'],
  listed: readonly ListedFunction[],
  where: { readonly gateway: string; readonly namespace: string },
): Description {
  return {
    fn,
    invocationCount: listed.find((other) => other.name === fn.name)?.invocationCount ?? 0,
    url: functionUrl(where.gateway, fn.name, where.namespace),
    asyncUrl: functionUrl(where.gateway, fn.name, where.namespace, 'async-function'),
  };
}

function statusWord({ availableReplicas = 0 }: ListedFunction): 'Ready' | 'Not Ready' {
  return availableReplicas > 0 ? 'Ready' : 'Not Ready';
}

/** The status object with faas-cli's additions. */
export function toJson({ fn, invocationCount, url, asyncUrl }: Description): Record<string, unknown> {
  return { ...fn, Status: statusWord(fn), InvocationCount: invocationCount, URL: url, AsyncURL: asyncUrl };
}

/**
 * Lines with aligned values, then maps and lists, one entry to an indented line; empty ones only when `verbose`. Spaces are
 * where faas-cli has them: scripts look for them.
 */
export function toLines(description: Description, { verbose }: { verbose: boolean }): string[] {
  const { fn } = description;
  const pairs = (map: Readonly<Record<string, unknown>> | undefined): string[] =>
    Object.entries(map ?? {}).map(([key, value]) => `${key}: ${String(value)}`);
  const list = (values: readonly string[] | undefined): string[] =>
    (values ?? []).map((value) => `- ${value}`);
  const resources = (value: ListedFunction['limits']): string[] =>
    value === undefined
      ? []
      : [
          ...(value.cpu || value.memory ? [`CPU: ${value.cpu ?? ''}`, `Memory: ${value.memory ?? ''}`] : []),
          ...DEVICES.flatMap((device) => (value[device] ? [`${device}: ${value[device]}`] : [])),
        ];
  const fields: readonly (readonly [label: string, value: string])[] = [
    ['Name:', fn.name],
    ['Status:', statusWord(fn)],
    ['Replicas:', String(fn.replicas ?? 0)],
    ['Available Replicas:', String(fn.availableReplicas ?? 0)],
    ...rolloutField(fn.rollout),
    ['Invocations:', String(Math.trunc(description.invocationCount))],
    ['Image:', fn.image ?? ''],
    ['Function Process:', fn.envProcess || '<default>'],
    ['URL:', description.url],
    ['Async URL:', description.asyncUrl],
  ];
  const sections: readonly (readonly [label: string, values: readonly string[]])[] = [
    ['Labels:', pairs(fn.labels).sort()],
    ['Annotations:', pairs(fn.annotations).sort()],
    ['Constraints:', list(fn.constraints)],
    ['Environment:', pairs(fn.envVars).sort()],
    ['Secrets:', list(fn.secrets)],
    ['Requests:', resources(fn.requests)],
    ['Limits:', resources(fn.limits)],
    ['Usage:', usageLines(fn.usage)],
  ];
  const width = Math.max(...fields.map(([label]) => label.length)) + 1;
  const lines = fields.map(([label, value]) => label.padEnd(width) + value);
  let empty: string[] = [];
  const flush = (): void => {
    // Empty sections that follow each other are aligned among themselves.
    const among = Math.max(0, ...empty.map((label) => label.length)) + 2;
    lines.push(...empty.map((label) => `${label.padEnd(among)}<none>`));
    empty = [];
  };
  for (const [label, values] of sections) {
    if (values.length === 0) {
      if (verbose) empty.push(label);
      continue;
    }
    flush();
    lines.push(label, ...values.map((value) => ` ${value}`));
  }
  flush();
  return lines;
}

/** Only where there is something to know: faas-cli has no such line. */
function rolloutField(rollout: ListedFunction['rollout']): (readonly [label: string, value: string])[] {
  if (rollout === undefined || rollout.state === 'done') return [];
  return [['Rollout:', rollout.state + (rollout.error === undefined ? '' : `: ${rollout.error}`)]];
}

function usageLines(usage: Usage | undefined): string[] {
  if (!usage) return [];
  const cpu = usage.cpu ?? 0;
  return [
    ` RAM:  ${((usage.totalMemoryBytes ?? 0) / 1024 / 1024).toFixed(2)} MB`,
    ` CPU:  ${(cpu < 0 ? 1 : cpu).toFixed(0)} Mi`,
  ];
}
