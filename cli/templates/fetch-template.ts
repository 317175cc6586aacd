import type { StackFile, StackFunction } from '../../contract/stack-file.ts';
import { suggestionFor } from '../../contract/suggestion.ts';
import { CliError, messageOf } from '../errors.ts';
import type { Shell } from '../shell.ts';
import {
  CARRIED,
  findStoreTemplate,
  loadTemplateStore,
  OPENFAAS_TEMPLATE_STORE,
  type StoreTemplate,
} from '../stores/template-store.ts';
import { withoutPassword } from '../without-password.ts';
import { findTemplate, isDockerfileLang, templateNames } from './find-template.ts';
import { checkRef, type GitRepository, parseRepository } from './git-repository.ts';
import { pullOwnTemplate, pullTemplates } from './pull-templates.ts';

/** `LANG@REF` in its parts. @throws {CliError} for a bad ref */
export function splitLang(lang: string): { readonly name: string; readonly ref?: string } {
  const at = lang.indexOf('@');
  return at === -1 ? { name: lang } : { name: lang.slice(0, at), ref: checkRef(lang.slice(at + 1)) };
}

/**
 * Fetches a template that is neither in ./template nor carried by this CLI: from the store that OPENFAAS_TEMPLATE_STORE_URL names, else from
 * OpenFaaS's. One that is there is left as it is.
 * @throws {CliError} when no store has it, or it cannot be fetched
 */
export async function fetchMissingTemplate(shell: Shell, lang: string): Promise<void> {
  if (isDockerfileLang(lang) || (await findTemplate(shell, lang))) return;
  const { name, ref } = splitLang(lang);
  const location = shell.env['OPENFAAS_TEMPLATE_STORE_URL'] || OPENFAAS_TEMPLATE_STORE;
  let found: StoreTemplate | undefined;
  try {
    found = findStoreTemplate(await loadTemplateStore(shell, location), name);
  } catch (error) {
    throw await notFound(shell, lang, `\nThe store was asked for it in vain: ${messageOf(error)}`);
  }
  if (!found || found.repo === CARRIED)
    throw await notFound(shell, lang, `\nThe store is ${withoutPassword(location)}`);
  await pullFromStore(shell, found, { ...(ref === undefined ? {} : { ref }), onlyIt: true, overwrite: true });
}

/** What `configuration.templates` says, and whether that is to be looked at. */
export interface StackTemplates {
  readonly templates: StackFile['templates'];
  readonly disabled: boolean;
}

let before: Promise<unknown> = Promise.resolve();

/**
 * Fetches what a stack file's functions are made from, from where its `configuration.templates` says. One call at a time: two functions
 * of one template want it once.
 */
export function fetchStackTemplates(
  shell: Shell,
  functions: readonly StackFunction[],
  options: StackTemplates,
): Promise<void> {
  const fetched = before.then(() => fetchEach(shell, functions, options));
  before = fetched.catch(() => {}); // told to whoever asked for it
  return fetched;
}

async function fetchEach(
  shell: Shell,
  functions: readonly StackFunction[],
  { templates, disabled }: StackTemplates,
): Promise<void> {
  const langs = new Set(functions.filter(({ skipBuild }) => !skipBuild).map(({ lang }) => lang));
  for (const lang of langs) {
    if (lang === '' || isDockerfileLang(lang)) continue;
    const named = disabled ? undefined : templates.find(({ name }) => name === lang);
    // Whoever names a source means it, also for a template that this CLI carries under the same name.
    if (named?.source !== undefined && !(await findTemplate(shell, lang, { carried: false })))
      await pullNamed(shell, { ...named, source: named.source }, { overwrite: true });
    else await fetchMissingTemplate(shell, lang);
  }
}

/** Fetches one entry of `configuration.templates`. */
export async function pullNamed(
  shell: Shell,
  { name, source }: { readonly name: string; readonly source: string },
  { overwrite }: { readonly overwrite: boolean },
): Promise<void> {
  const lang = splitLang(name);
  const repository = await parseRepository(shell, source);
  const ref = lang.ref ?? repository.ref;
  const wanted: GitRepository = { url: repository.url, ...(ref === undefined ? {} : { ref }) };
  shell.out(`Pulling template: ${name} from ${withoutPassword(source)}`);
  await pullTemplates(shell, wanted, {
    only: lang.name,
    overwrite,
    ...(lang.ref === undefined ? { as: lang.name } : {}),
  });
}

/** Fetches one template of a store. @throws {CliError} for a version of one that this CLI carries */
export async function pullFromStore(
  shell: Shell,
  template: StoreTemplate,
  {
    ref,
    onlyIt,
    overwrite,
  }: { readonly ref?: string; readonly onlyIt: boolean; readonly overwrite: boolean },
): Promise<void> {
  if (template.repo === CARRIED) {
    if (ref !== undefined) {
      throw new CliError(
        `${template.template} comes with skep, in one version: leave out @${ref}, or fetch it with "skep template pull REPOSITORY#${ref}"`,
      );
    }
    await pullOwnTemplate(shell, template.template, { overwrite });
    return;
  }
  const repository = await parseRepository(shell, template.repo);
  await pullTemplates(
    shell,
    { ...repository, ...(ref === undefined ? {} : { ref }) },
    { overwrite, ...(onlyIt ? { only: template.template } : {}) },
  );
}

async function notFound(shell: Shell, lang: string, reason: string): Promise<CliError> {
  const names = await templateNames(shell);
  const meant = suggestionFor(lang, names);
  const instead =
    meant === undefined ? `There are: ${names.join(', ') || 'none'}` : `Did you mean "${meant}"?`;
  return new CliError(
    `Template: "${lang}" was not found in the templates folder or in the store${reason}\n${instead}`,
  );
}
