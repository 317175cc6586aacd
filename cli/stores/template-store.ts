import { CliError } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { withoutPassword } from '../without-password.ts';
import { readStore, StoreEntry } from './read-store.ts';

export interface StoreTemplate {
  readonly template: string;
  /** e.g. `x86_64` */
  readonly platform: string;
  readonly language: string;
  readonly source: string;
  readonly description: string;
  /** Git repository; `.` for one that this CLI carries. */
  readonly repo: string;
  readonly official: boolean;
  readonly recommended: boolean;
}

export const OPENFAAS_TEMPLATE_STORE =
  'https://raw.githubusercontent.com/openfaas/store/master/templates.json';
/** What a `repo` says that is here already. */
export const CARRIED = '.';

/**
 * The templates of a store, in the order in which they are listed: recommended, official, by name.
 * @param location address or file; undefined is the store of Skep's own templates, which needs no network
 * @throws {CliError} when it cannot be read or is wrong
 */
export async function loadTemplateStore(
  shell: Pick<Shell, 'cwd'>,
  location: string | undefined,
): Promise<readonly StoreTemplate[]> {
  const json =
    location === undefined
      ? (await import('../../store/templates.json')).default
      : await readStore(shell, location);
  const where = withoutPassword(location ?? 'store/templates.json');
  if (!Array.isArray(json)) throw new CliError(`${where} is no template store: it must be a list`);
  const templates = json.map((item, index) => toTemplate(item, `${where}: entry ${index + 1}`));
  const rank = (template: StoreTemplate): string =>
    `${template.recommended ? 0 : 1}${template.official ? 0 : 1}${template.template}`;
  return templates.sort((one, other) => (rank(one) < rank(other) ? -1 : 1));
}

function toTemplate(item: unknown, where: string): StoreTemplate {
  const entry = new StoreEntry(item, where);
  const template = entry.required('template');
  // It becomes a folder here.
  if (!/^[a-zA-Z0-9][\w.-]*$/.test(template))
    throw new CliError(`${where}: "${template}" is no template name`);
  return {
    template,
    platform: entry.text('platform') || 'x86_64',
    language: entry.text('language'),
    source: entry.text('source'),
    description: entry.text('description'),
    repo: entry.required('repo'),
    official: entry.flag('official'),
    recommended: entry.flag('recommended'),
  };
}

/** By `name`, or `source/name` where several have it. */
export function findStoreTemplate(
  templates: readonly StoreTemplate[],
  name: string,
): StoreTemplate | undefined {
  return (
    templates.find(({ template }) => template === name) ??
    templates.find(({ source, template }) => `${source}/${template}` === name)
  );
}

/** Where the flags or the environment say that templates are listed; undefined is Skep's own list. */
export function templateStoreLocation(
  shell: Pick<Shell, 'env'>,
  flag: string | undefined,
): string | undefined {
  return flag || shell.env['OPENFAAS_TEMPLATE_STORE_URL'] || undefined;
}
