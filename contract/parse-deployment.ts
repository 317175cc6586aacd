import { ContractError } from './contract-error.ts';
import { parseDurationMs } from './duration.ts';
import { ROLLOUT_TIMEOUT_ANNOTATION } from './function-annotations.ts';
import { isFunctionName } from './function-ref.ts';
import type { FunctionDeployment } from './function-types.ts';
import { parseImageReference } from './image-reference.ts';
import { parseCallLimits } from './parse-call-limits.ts';
import { parseFunctionSchedule } from './parse-function-schedule.ts';
import {
  checkLine,
  optionalBoolean,
  optionalString,
  optionalStringMap,
  optionalStrings,
  parseObject,
  requiredString,
} from './parse-json.ts';
import { parseQueueAnnotations } from './parse-queue-annotations.ts';
import { optionalResources } from './parse-resources.ts';
import { parseScaleLabels } from './parse-scale-labels.ts';

const SECRET_NAME = /^[a-zA-Z0-9](?:[-_.a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const LONGEST_SECRET_NAME = 253;
const CONSTRAINT = /^[^=!]+[=!]=.+$/;

/**
 * The body of POST and PUT /system/functions. Null and empty optional fields are taken as absent, as Go clients write
 * them; unknown fields are ignored, since clients may be newer.
 * @throws {ContractError} that names the field
 */
export function parseDeployment(value: unknown): FunctionDeployment {
  const body = parseObject(value, 'the body');
  const service = parseName(requiredString(body, 'service'), 'service');
  const image = requiredString(body, 'image');
  parseImageReference(image);
  const namespace = optionalString(body, 'namespace');
  const envProcess = optionalString(body, 'envProcess');
  const envVars = optionalStringMap(body, 'envVars');
  const constraints = optionalStrings(body, 'constraints');
  const secrets = optionalStrings(body, 'secrets');
  const labels = optionalStringMap(body, 'labels');
  const annotations = optionalStringMap(body, 'annotations');
  const limits = optionalResources(body, 'limits');
  const requests = optionalResources(body, 'requests');
  const readOnlyRootFilesystem = optionalBoolean(body, 'readOnlyRootFilesystem');
  const network = optionalString(body, 'network');
  const registryAuth = optionalString(body, 'registryAuth');

  if (namespace !== undefined) parseName(namespace, 'namespace');
  checkEnvNames(envVars ?? {});
  checkConstraints(constraints ?? []);
  checkSecrets(secrets ?? []);
  parseScaleLabels(labels ?? {});
  checkRolloutTimeout(annotations ?? {});
  parseCallLimits(labels ?? {}, annotations ?? {});
  parseQueueAnnotations(annotations ?? {});
  parseFunctionSchedule(annotations ?? {});
  if (registryAuth !== undefined) checkRegistryAuth(registryAuth);
  return {
    service,
    image,
    ...(namespace !== undefined && { namespace }),
    ...(envProcess !== undefined && { envProcess }),
    ...(envVars !== undefined && { envVars }),
    ...(constraints !== undefined && { constraints }),
    ...(secrets !== undefined && { secrets }),
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
    ...(readOnlyRootFilesystem !== undefined && { readOnlyRootFilesystem }),
    ...(network !== undefined && { network }),
    ...(registryAuth !== undefined && { registryAuth }),
  };
}

/** @throws {ContractError} unless `text` may be the name of a function or namespace */
export function parseName(text: string, field: string): string {
  if (!isFunctionName(text)) {
    throw new ContractError(
      `${field}: ${JSON.stringify(text.slice(0, 100))} is not a valid name: ` +
        'expected at most 63 lower-case letters, digits and dashes, with no dash first or last',
    );
  }
  return text;
}

/** @throws {ContractError} for what cannot be the name of a variable */
export function checkEnvNames(envVars: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(envVars)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
    if (/[=\s\u0000-\u001f\u007f]/.test(name)) {
      throw new ContractError(
        `envVars: ${JSON.stringify(name.slice(0, 100))} is not the name of a variable: it has a blank, a control character or =`,
      );
    }
  }
}

/** @throws {ContractError} unless the annotation, where it is, has a duration */
export function checkRolloutTimeout(annotations: Readonly<Record<string, string>>): void {
  const text = annotations[ROLLOUT_TIMEOUT_ANNOTATION];
  if (text === undefined) return;
  try {
    if (parseDurationMs(text) > 0) return;
  } catch {
    // The error below names the annotation.
  }
  throw new ContractError(
    `annotations: ${ROLLOUT_TIMEOUT_ANNOTATION}: expected a duration such as 30s or 2m, not ${JSON.stringify(text)}`,
  );
}

/** @throws {ContractError} naming the first that is none */
export function checkConstraints(constraints: readonly string[]): void {
  for (const [index, constraint] of constraints.entries()) {
    checkLine(constraint, `constraints[${index}]`);
    if (!CONSTRAINT.test(constraint)) {
      throw new ContractError(
        `constraints[${index}]: expected a placement constraint such as node.role == worker, ` +
          `not ${JSON.stringify(constraint.slice(0, 200))}`,
      );
    }
  }
}

/** @throws {ContractError} naming the first that is no secret's name, or listed twice */
export function checkSecrets(secrets: readonly string[]): void {
  const seen = new Set<string>();
  for (const [index, name] of secrets.entries()) {
    // A name becomes a file name inside the container: it must not lead out of the folder of secrets.
    if (name.length > LONGEST_SECRET_NAME || !SECRET_NAME.test(name)) {
      throw new ContractError(
        `secrets[${index}]: ${JSON.stringify(name.slice(0, 100))} is not a secret's name`,
      );
    }
    if (seen.has(name)) throw new ContractError(`secrets[${index}]: ${name} is listed twice`);
    seen.add(name);
  }
}

/** The value itself is a password: it stays out of the message. */
function checkRegistryAuth(registryAuth: string): void {
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(registryAuth);
  if (!isBase64 || !Buffer.from(registryAuth, 'base64').includes(':')) {
    throw new ContractError('registryAuth: expected the base64 of user:password');
  }
}
