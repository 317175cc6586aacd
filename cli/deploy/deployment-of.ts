import { resolve } from 'node:path';
import type { FunctionDeployment, FunctionResources } from '../../contract/function-types.ts';
import { parseEnvironmentFile, type StackFunction } from '../../contract/stack-file.ts';
import { checkImage } from '../../contract/tagged-image.ts';
import { CliError, fileError } from '../errors.ts';
import { imageFor } from '../image-tags.ts';
import { readBeginning } from '../read-beginning.ts';
import type { Shell } from '../shell.ts';
import { findTemplate, isDockerfileLang } from '../templates/find-template.ts';

/** What flags say about every function of the deployment. */
export interface DeployOverrides {
  readonly namespace: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly constraints: readonly string[];
  readonly secrets: readonly string[];
  readonly readOnly: boolean;
  readonly readTemplate: boolean;
  readonly tag: string;
}

/** What flags say that nobody gave. `fprocess` of a template is left to what its image sets. */
export const NO_OVERRIDES: DeployOverrides = {
  namespace: '',
  environment: {},
  labels: {},
  annotations: {},
  constraints: [],
  secrets: [],
  readOnly: false,
  readTemplate: false,
  tag: 'latest',
};

/**
 * The request for one function: stack file and flags brought together by faas-cli's precedence.
 * @throws {CliError} for a missing environment file or template, an unusable image
 */
export async function deploymentOf(
  shell: Shell,
  fn: StackFunction,
  flags: DeployOverrides,
): Promise<FunctionDeployment> {
  checkImage(fn.image, fn.name);
  const envVars = { ...fn.environment, ...(await environmentFiles(shell, fn)), ...flags.environment };
  const namespace = flags.namespace || fn.namespace;
  const fprocess = fn.fprocess ?? (flags.readTemplate ? await templateProcess(shell, fn) : undefined);
  const constraints = fn.constraints.length > 0 ? fn.constraints : flags.constraints;
  const secrets = [...new Set([...fn.secrets, ...flags.secrets])];
  const labels = { ...fn.labels, ...flags.labels };
  const annotations = { ...fn.annotations, ...flags.annotations };
  return {
    service: fn.name,
    image: await imageFor(shell, fn, flags.tag),
    ...(namespace ? { namespace } : {}),
    ...(fprocess ? { envProcess: fprocess } : {}),
    ...(isEmpty(envVars) ? {} : { envVars }),
    ...(constraints.length > 0 ? { constraints } : {}),
    ...(secrets.length > 0 ? { secrets } : {}),
    ...(isEmpty(labels) ? {} : { labels }),
    ...(isEmpty(annotations) ? {} : { annotations }),
    ...resources('limits', fn.limits),
    ...resources('requests', fn.requests),
    ...(fn.readOnlyRootFilesystem || flags.readOnly ? { readOnlyRootFilesystem: true } : {}),
  };
}

async function environmentFiles(shell: Shell, fn: StackFunction): Promise<Record<string, string>> {
  const merged: Record<string, string> = {};
  for (const path of fn.environmentFiles) {
    let text: string;
    try {
      text = await readBeginning(resolve(shell.cwd, path));
    } catch (error) {
      throw fileError(`read the environment_file of ${fn.name},`, path, error);
    }
    Object.assign(merged, parseEnvironmentFile(text, path));
  }
  return merged;
}

async function templateProcess(shell: Shell, { name, lang }: StackFunction): Promise<string | undefined> {
  if (lang === '' || isDockerfileLang(lang)) return undefined;
  const template = await findTemplate(shell, lang);
  if (!template) {
    throw new CliError(
      `Template directory may be missing or invalid, there is no template "${lang}" for ${name}: correct its "lang", or give "fprocess" or --read-template=false`,
    );
  }
  return template.manifest.fprocess;
}

function resources<K extends 'limits' | 'requests'>(
  key: K,
  value: FunctionResources | undefined,
): Partial<Record<K, FunctionResources>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, FunctionResources>>;
}

function isEmpty(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length === 0;
}
