import { ContractError } from './contract-error.ts';
import { parseName } from './parse-deployment.ts';
import { kindOf, optionalString, ownValue, parseObject, requiredString } from './parse-json.ts';

/** A secret as clients name it: never with its value. */
export interface SecretRef {
  readonly name: string;
  readonly namespace: string;
}

export interface SecretRequest {
  readonly name: string;
  readonly namespace?: string;
  readonly value: Uint8Array;
}

/** Swarm takes values of less than 500 KB. */
export const MOST_SECRET_BYTES = 500 * 1024 - 1;

const LONGEST_NAME = 253;
/** RFC 1123 subdomain, a part at a time. */
const NAME_PART = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Whether `text` may be the name of a secret. */
export function isSecretName(text: string): boolean {
  return text.length <= LONGEST_NAME && text.split('.').every((part) => NAME_PART.test(part));
}

/**
 * The body of POST and PUT /system/secrets: `rawValue` (base64) comes before `value`.
 * @throws {ContractError} that names the field, and never holds any of the value
 */
export function parseSecretRequest(body: unknown): SecretRequest {
  const ref = parseSecretName(body);
  const value = parseValue(parseObject(body, 'the body'));
  if (value.length > MOST_SECRET_BYTES) {
    throw new ContractError(
      `value: is ${value.length} bytes; a secret may have at most ${MOST_SECRET_BYTES} (500 KB): put what is larger into the image`,
    );
  }
  return { ...ref, value };
}

/** The body of DELETE /system/secrets. @throws {ContractError} that names the field */
export function parseSecretName(body: unknown): { readonly name: string; readonly namespace?: string } {
  const object = parseObject(body, 'the body');
  const name = requiredString(object, 'name');
  const namespace = optionalString(object, 'namespace');
  if (!isSecretName(name)) {
    throw new ContractError(
      `name: ${JSON.stringify(name.slice(0, 100))} is not a secret's name: expected lower-case letters, digits, dashes ` +
        `and dots, a letter or digit at both ends and beside every dot, at most ${LONGEST_NAME} characters`,
    );
  }
  if (namespace !== undefined) parseName(namespace, 'namespace');
  return { name, ...(namespace !== undefined && { namespace }) };
}

function parseValue(object: Readonly<Record<string, unknown>>): Uint8Array {
  const raw = stringOf(object, 'rawValue');
  const text = raw ?? stringOf(object, 'value');
  if (text === undefined)
    throw new ContractError('value: is required, or rawValue in base64; it may not be empty');
  if (raw === undefined) {
    if (!text.isWellFormed())
      throw new ContractError(
        'value: has half of a surrogate pair, which is no text: send bytes in rawValue',
      );
    return Buffer.from(text, 'utf8');
  }
  // Line ends are passed over, as Go's decoder does.
  const base64 = raw.replaceAll(/[\r\n]/g, '');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw new ContractError('rawValue: is not base64 (the standard alphabet, with padding)');
  }
  return Buffer.from(base64, 'base64');
}

/** Undefined when absent, null or empty, as Go clients write an unset one; a NUL is a byte like any other here. */
function stringOf(object: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new ContractError(`${key}: expected a string, not ${kindOf(value)}`);
  return value;
}
