import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { isScalar, parseDocument, stringify, visit } from 'yaml';
import { ContractError } from './contract-error.ts';
import { parseJson, parseObject, requiredString } from './parse-json.ts';
import { tooDeepAt } from './yaml-depth.ts';

/** Build secrets on their way to a builder: each value alone in a NaCl box for the builder's public key. */
export const SECRETS_ENTRY = 'com.openfaas.secrets';
export const ALGORITHM = 'nacl/box';
const VERSION = 'v1';
/** Of the sealed file: keys and tokens are short, and few. */
const MOST_CHARS = 256 * 1024;
const MOST_LINES = 1000;
/** A BuildKit id, which Dockerfiles name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const KEY_BYTES = nacl.box.publicKeyLength;

/** Both in base64, as they are kept in files. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** A name's value in bytes. */
export type SecretValues = Readonly<Record<string, Uint8Array>>;

export function generateKeyPair(): KeyPair {
  return pairOf(randomBytes(KEY_BYTES));
}

/** The pair of a private key. @throws {ContractError} for what is no key */
export function parsePrivateKey(text: string): KeyPair {
  return pairOf(toKey(text.trim(), 'the private key'));
}

/**
 * A public key as people have it: base64, or what `GET /publickey` answers.
 * @returns base64
 * @throws {ContractError}
 */
export function parsePublicKey(text: string): string {
  const given = text.trim();
  const key = given.startsWith('{')
    ? requiredString(parseObject(parseJson(given), 'the public key'), 'public_key')
    : given;
  return toBase64(toKey(key, 'the public key'));
}

/** Tells keys apart at a glance: the first 8 characters of the public key. */
export function keyId(publicKey: string): string {
  return publicKey.slice(0, 8);
}

/** The file `com.openfaas.secrets`, in YAML. @throws {ContractError} for a wrong key or name, for none at all, and for too much */
export function sealSecrets(publicKey: string, values: SecretValues): string {
  const recipient = toKey(publicKey, 'the public key');
  if (Object.keys(values).length === 0) throw new ContractError('there is no secret to seal');
  const sender = nacl.box.keyPair.fromSecretKey(randomBytes(KEY_BYTES));
  const seal = (value: Uint8Array): string => {
    const nonce = randomBytes(nacl.box.nonceLength);
    const sealed = nacl.box(new Uint8Array(value), nonce, recipient, sender.secretKey);
    return toBase64(Buffer.concat([nonce, sealed]));
  };
  for (const name of Object.keys(values)) checkName(name);
  const text = stringify({
    version: VERSION,
    algorithm: ALGORITHM,
    key_id: keyId(toBase64(recipient)),
    public_key: toBase64(sender.publicKey),
    secrets: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, seal(value)])),
  });
  checkLength(text);
  return text;
}

/**
 * The values of a sealed file.
 * @throws {ContractError} for what is no such file, was sealed for another key, or was changed since
 */
export function unsealSecrets(text: string, privateKey: string): Record<string, Uint8Array> {
  const own = nacl.box.keyPair.fromSecretKey(toKey(privateKey.trim(), 'the private key'));
  const envelope = parseEnvelope(text);
  const sender = toKey(requiredString(envelope, 'public_key'), 'public_key');
  const sealedFor = requiredString(envelope, 'key_id');
  const ownId = keyId(toBase64(own.publicKey));
  if (sealedFor !== ownId) {
    throw new ContractError(
      `the secrets were sealed for the key ${JSON.stringify(sealedFor.slice(0, 40))}, not for ${ownId}: seal them with the public key of this builder`,
    );
  }
  const values: [string, Uint8Array][] = [];
  for (const [name, sealed] of Object.entries(parseObject(envelope['secrets'], 'secrets'))) {
    checkName(name);
    const bytes = typeof sealed === 'string' ? fromBase64(sealed) : undefined;
    const opened =
      bytes !== undefined &&
      bytes.length >= nacl.box.nonceLength &&
      nacl.box.open(
        bytes.subarray(nacl.box.nonceLength),
        bytes.subarray(0, nacl.box.nonceLength),
        sender,
        own.secretKey,
      );
    if (!opened) throw new ContractError(`secrets.${name}: cannot be opened: it was changed, or cut off`);
    values.push([name, opened]);
  }
  return Object.fromEntries(values);
}

function parseEnvelope(text: string): Readonly<Record<string, unknown>> {
  const envelope = parseObject(parseYaml(text), 'the sealed secrets');
  for (const [key, expected] of [
    ['version', VERSION],
    ['algorithm', ALGORITHM],
  ] as const) {
    if (envelope[key] !== expected) throw new ContractError(`${key}: expected ${expected}`);
  }
  return envelope;
}

/** What its sender wrote, who may mean to keep a builder busy: it is bounded before the parser sees it. */
function parseYaml(text: string): unknown {
  checkLength(text);
  if (tooDeepAt(text) !== undefined) throw new ContractError('the sealed secrets are nested too deep');
  try {
    // The parser would compare each key with each other one.
    const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false });
    const [wrong] = document.errors;
    if (wrong !== undefined) throw wrong;
    visit(document, {
      Map: (_key, { items }) => {
        const keys = items.map(({ key }) => {
          if (isScalar(key)) return String(key.value);
          throw new ContractError('the sealed secrets have a key that is no name');
        });
        if (new Set(keys).size < keys.length) throw new ContractError('the sealed secrets have a key twice');
      },
    });
    return document.toJS({ maxAliasCount: 0 }) as unknown;
  } catch (cause) {
    if (cause instanceof ContractError) throw cause;
    throw new ContractError(`the sealed secrets are no YAML: ${(cause as Error).message.split('\n')[0]}`, {
      cause,
    });
  }
}

/** @throws {ContractError} */
function checkLength(text: string): void {
  if (text.length <= MOST_CHARS && text.split('\n', MOST_LINES + 1).length <= MOST_LINES) return;
  throw new ContractError(
    `the sealed secrets are longer than ${MOST_CHARS} characters or ${MOST_LINES} lines: seal what a build needs to log in, and copy the rest in`,
  );
}

function pairOf(privateKey: Uint8Array): KeyPair {
  const { publicKey, secretKey } = nacl.box.keyPair.fromSecretKey(privateKey);
  return { publicKey: toBase64(publicKey), privateKey: toBase64(secretKey) };
}

function toKey(text: string, what: string): Uint8Array {
  const bytes = fromBase64(text);
  if (bytes?.length !== KEY_BYTES) throw new ContractError(`${what}: expected ${KEY_BYTES} bytes in base64`);
  return bytes;
}

/** A plain Uint8Array, which is all that the box takes; undefined for what is no base64. */
function fromBase64(text: string): Uint8Array | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? new Uint8Array(Buffer.from(text, 'base64')) : undefined;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new ContractError(
    `${JSON.stringify(name.slice(0, 100))} is no name of a build secret: use letters, digits and . _ -, at most 128`,
  );
}
