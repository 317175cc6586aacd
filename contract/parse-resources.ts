import { DEVICES, type FunctionResources } from './function-types.ts';
import { type JsonObject, optionalLine, ownValue, parseObject } from './parse-json.ts';

/**
 * The strings as they came; undefined when there is nothing in it. What they amount to is the cluster's to say: it
 * knows the units and the least and most that it takes.
 */
export function optionalResources(object: JsonObject, key: string): FunctionResources | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null) return undefined;
  const resources = parseObject(value, key);
  const asked: Record<string, string> = {};
  for (const name of ['memory', 'cpu', ...DEVICES]) {
    const amount = optionalLine(resources, name, `${key}.${name}`);
    if (amount !== undefined) asked[name] = amount;
  }
  return Object.keys(asked).length === 0 ? undefined : asked;
}
