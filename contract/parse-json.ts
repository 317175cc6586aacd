import { checkJson } from './check-json.ts';
import { ContractError } from './contract-error.ts';

/** A JSON object as it came: own keys only are ever read from it, so a `__proto__` key is a key like any other. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws {ContractError} for text that is not JSON, is nested too deep, or has a key twice in one object */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ContractError(`the body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  checkJson(text);
  return value;
}

/** @throws {ContractError} unless `value` is an object (not an array, not null) */
export function parseObject(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ContractError(`${field}: expected an object, not ${kindOf(value)}`);
  }
  return value as JsonObject;
}

/** The string under `key`; undefined when absent, null or empty, as Go clients write an unset one. */
export function optionalString(object: JsonObject, key: string, path = key): string | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null || value === '') return undefined;
  return parseString(value, path);
}

/** @throws {ContractError} when it is absent or empty, too */
export function requiredString(object: JsonObject, key: string): string {
  const text = optionalString(object, key);
  if (text === undefined) throw new ContractError(`${key}: is required`);
  return text;
}

export function optionalBoolean(object: JsonObject, key: string): boolean | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') {
    throw new ContractError(`${key}: expected true or false, not ${kindOf(value)}`);
  }
  return value;
}

/** The same for what stands on one line: a control character is refused. */
export function optionalLine(object: JsonObject, key: string, path = key): string | undefined {
  const text = optionalString(object, key, path);
  if (text !== undefined) checkLine(text, path);
  return text;
}

/** @throws {ContractError} when `text` has a control character */
export function checkLine(text: string, path: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new ContractError(`${path}: has a control character`);
}

/** A list of strings that are not empty; undefined when absent or null. */
export function optionalStrings(object: JsonObject, key: string): string[] | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    throw new ContractError(`${key}: expected a list of strings, not ${kindOf(value)}`);
  }
  return value.map((item: unknown, index) => {
    const text = parseString(item, `${key}[${index}]`);
    if (text === '') throw new ContractError(`${key}[${index}]: is empty`);
    return text;
  });
}

/** A map of string to string; undefined when absent or null. */
export function optionalStringMap(object: JsonObject, key: string): Record<string, string> | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null) return undefined;
  // fromEntries defines the keys: an assignment of `__proto__` would be lost.
  return Object.fromEntries(
    Object.entries(parseObject(value, key)).map(([name, item]) => {
      if (name === '') throw new ContractError(`${key}: has an entry without a name`);
      checkText(name, `${key}.${name.slice(0, 100)}`, 'its name has');
      return [name, parseString(item, `${key}.${name}`)];
    }),
  );
}

export function ownValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function parseString(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new ContractError(`${path}: expected a string, not ${kindOf(value)}`);
  checkText(value, path);
  return value;
}

/** What could not be written anywhere as it came. */
function checkText(text: string, path: string, what = 'has'): void {
  if (text.includes('\0')) throw new ContractError(`${path.replaceAll('\0', '?')}: ${what} a NUL character`);
  if (!text.isWellFormed()) {
    throw new ContractError(`${path.toWellFormed()}: ${what} half of a surrogate pair: that is no text`);
  }
}

/** What JSON calls the kind of a value, for messages. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
