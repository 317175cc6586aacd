import { appendFile, chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { isFunctionName } from '../contract/function-ref.ts';
import { parseStackFile } from '../contract/stack-file.ts';
import { checkImage } from '../contract/tagged-image.ts';
import { CliError, fileError, messageOf, systemCode } from './errors.ts';
import { normaliseGateway } from './gateway-address.ts';
import { LOGO } from './logo.ts';
import type { Shell } from './shell.ts';
import { requireTemplate } from './templates/find-template.ts';

interface Quantities {
  readonly cpu: string;
  readonly memory: string;
}
export interface NewFunction {
  readonly name: string;
  readonly lang: string;
  readonly handler: string;
  /** In front of the image's name, without the slash; may be empty. */
  readonly prefix: string;
  readonly gateway: string;
  readonly stackFile: string;
  /** Whether the stack file is there and gets one more function. */
  readonly append: boolean;
  readonly quiet: boolean;
  readonly requests: Quantities;
  readonly limits: Quantities;
}

/**
 * Makes the handler folder from the template and writes the stack file. Everything is checked before anything is written.
 * @throws {CliError} for a bad name, an unknown template, and what is there already
 */
export async function createFunction(shell: Shell, fn: NewFunction): Promise<void> {
  checkFunctionName(fn.name);
  checkImage(imageOf(fn), fn.name);
  const template = await requireTemplate(shell, fn.lang);
  const folder = resolve(shell.cwd, fn.handler);
  if (await exists(folder)) throw new CliError(`Folder: ${fn.handler} already exists`);
  const stackPath = resolve(shell.cwd, fn.stackFile);
  const addition = await stackText(fn, stackPath);

  let firstMade: string | undefined;
  try {
    firstMade = await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError('make', fn.handler, error);
  }
  try {
    await template.copyTo(folder, template.manifest.handlerFolder);
    await ignoreBuildFolders(shell.cwd);
    await writeStack(fn, stackPath, addition);
  } catch (error) {
    // All of it or nothing: what is left would be in the way of the next try.
    if (firstMade !== undefined) await rm(firstMade, { recursive: true, force: true });
    throw error;
  }
  shell.out(`Folder: ${fn.handler} created.`);
  shell.out(LOGO);
  shell.out(`\nFunction created in folder: ${fn.handler}`);
  shell.out(`Stack file ${fn.append ? 'updated' : 'written'}: ${fn.stackFile}`);
  const welcome = template.manifest.welcomeMessage.trim();
  if (!fn.quiet && welcome !== '') shell.out(`\nNotes:\n${welcome}`);
}

async function writeStack(fn: NewFunction, path: string, addition: string): Promise<void> {
  try {
    if (fn.append) await appendFile(path, addition);
    else await writeFile(path, addition, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fileError('write', fn.stackFile, error);
  }
}

/** @throws {CliError} in the words of faas-cli */
export function checkFunctionName(name: string): void {
  if (isFunctionName(name)) return;
  throw new CliError(
    name.length > 63
      ? 'Function name can only have 63 characters'
      : 'Function name can only contain a-z, 0-9 and dashes',
  );
}

/** What goes into the file: all of it, or the block to append. */
async function stackText(fn: NewFunction, path: string): Promise<string> {
  if (!fn.append) {
    if (await exists(path)) {
      throw new CliError(
        `${fn.stackFile} exists already: add to it with --append ${fn.stackFile}, or name another file with -f`,
      );
    }
    return `${schemaLine(fn.gateway)}version: 1.0\nprovider:\n  name: openfaas\n  gateway: ${scalar(fn.gateway)}\nfunctions:\n${functionBlock(fn)}`;
  }
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('read', fn.stackFile, error);
  }
  // Substitution is off: a variable that is not set here must not keep anyone from adding a function.
  const before = parseStackFile(text, { fileName: fn.stackFile });
  if (before.functions.some(({ name }) => name === fn.name)) {
    throw new CliError(`Function ${fn.name} already exists in ${fn.stackFile} file.`);
  }
  const addition = `${text === '' || text.endsWith('\n') ? '' : '\n'}${functionBlock(fn)}`;
  let after: readonly string[] = [];
  let reason = '';
  try {
    after = parseStackFile(text + addition, { fileName: fn.stackFile }).functions.map(({ name }) => name);
  } catch (error) {
    reason = ` (${messageOf(error)})`;
  }
  if (after.length !== before.functions.length + 1 || !after.includes(fn.name)) {
    throw new CliError(
      `cannot append to ${fn.stackFile}: "functions:" must be its last section, indented by two spaces${reason}`,
    );
  }
  return addition;
}

/** By it editors find the schema: every gateway serves it, without credentials. */
function schemaLine(gateway: string): string {
  try {
    return `# yaml-language-server: $schema=${normaliseGateway(gateway)}/schema/stack.json\n`;
  } catch {
    return ''; // a variable, most likely, which editors do not replace
  }
}

function functionBlock(fn: NewFunction): string {
  const lines = [
    `  ${fn.name}:`,
    `    lang: ${scalar(fn.lang)}`,
    `    handler: ${scalar(/^(\.|\/)/.test(fn.handler) ? fn.handler : `./${fn.handler}`)}`,
    `    image: ${scalar(imageOf(fn))}`,
    ...quantityLines('requests', fn.requests),
    ...quantityLines('limits', fn.limits),
  ];
  return `${lines.join('\n')}\n\n`;
}

function quantityLines(key: string, { cpu, memory }: Quantities): string[] {
  if (cpu === '' && memory === '') return [];
  return [
    `    ${key}:`,
    ...(cpu === '' ? [] : [`      cpu: ${scalar(cpu)}`]),
    ...(memory === '' ? [] : [`      memory: ${scalar(memory)}`]),
  ];
}

function imageOf({ prefix, name }: NewFunction): string {
  return `${prefix === '' ? '' : `${prefix}/`}${name}:latest`;
}

/** Quoted where YAML would read something else than the text, such as a key or a comment; `0.5` needs no quotes in our maps. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0, schema: 'failsafe' }).trimEnd();
}

async function ignoreBuildFolders(cwd: string): Promise<void> {
  const path = join(cwd, '.gitignore');
  let text = '';
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileError('read', '.gitignore', error);
  }
  const present = text.split('\n').map((line) => line.trim().replace(/\/$/, ''));
  const missing = ['template', 'build', '.secrets'].filter((line) => !present.includes(line));
  if (missing.length === 0) return;
  try {
    await appendFile(path, `${text === '' || text.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
    if (text === '') await chmod(path, 0o644);
  } catch (error) {
    throw fileError('write', '.gitignore', error);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false;
      throw fileError('look at', path, error);
    },
  );
}
