import { CliError } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { withoutPassword } from '../without-password.ts';
import { readStore, StoreEntry } from './read-store.ts';

export interface StoreFunction {
  readonly title: string;
  readonly name: string;
  readonly author: string;
  readonly description: string;
  /** By platform: `x86_64`, `arm64`, `armhf`. */
  readonly images: Readonly<Record<string, string>>;
  readonly fprocess: string;
  readonly repoUrl: string;
  readonly icon: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly readOnlyRootFilesystem: boolean;
}

export const OPENFAAS_FUNCTION_STORE =
  'https://raw.githubusercontent.com/openfaas/store/master/functions.json';

/**
 * The functions of a store in the order of the file: `{ version, functions }`, or the older list of functions with one `image`.
 * @param location address or file
 * @throws {CliError} when it cannot be read or is wrong
 */
export async function loadFunctionStore(
  shell: Pick<Shell, 'cwd'>,
  location: string,
): Promise<readonly StoreFunction[]> {
  const json = await readStore(shell, location);
  const shown = withoutPassword(location);
  const list = Array.isArray(json) ? json : new StoreEntry(json, shown).get('functions');
  if (!Array.isArray(list)) throw new CliError(`${shown} is no function store: it has no list "functions"`);
  return list.map((item, index) => toFunction(item, `${shown}: entry ${index + 1}`));
}

function toFunction(item: unknown, where: string): StoreFunction {
  const entry = new StoreEntry(item, where);
  const image = entry.text('image');
  const name = entry.required('name');
  return {
    name,
    title: entry.text('title') || name,
    author: entry.text('author'),
    description: entry.text('description'),
    images: image === '' ? entry.textMap('images') : { x86_64: image },
    fprocess: entry.text('fprocess'),
    repoUrl: entry.text('repo_url'),
    icon: entry.text('icon'),
    environment: entry.textMap('environment'),
    labels: entry.textMap('labels'),
    annotations: entry.textMap('annotations'),
    readOnlyRootFilesystem: entry.flag('readOnlyRootFilesystem'),
  };
}

/** Those that have an image for a platform. */
export function forPlatform(functions: readonly StoreFunction[], platform: string): readonly StoreFunction[] {
  return functions.filter(({ images }) => imageOf({ images }, platform) !== '');
}

export function imageOf({ images }: Pick<StoreFunction, 'images'>, platform: string): string {
  return Object.hasOwn(images, platform) ? (images[platform] ?? '') : '';
}

interface Wanted {
  readonly name: string;
  readonly platform: string;
  /** Whether one that has no image for the platform will do, where no other has. */
  readonly orElsewhere?: boolean;
}

/**
 * By name or title.
 * @throws {CliError} when the store has none for that platform
 */
export function findStoreFunction(
  functions: readonly StoreFunction[],
  { name, platform, orElsewhere = false }: Wanted,
): StoreFunction {
  const same = (text: string): boolean => text.toLowerCase() === name.toLowerCase();
  const all = functions.filter((each) => same(each.name) || same(each.title));
  const [found = orElsewhere ? all[0] : undefined] = forPlatform(all, platform);
  if (found) return found;
  const elsewhere = Object.keys(all[0]?.images ?? {});
  const advice =
    elsewhere.length > 0
      ? `it is there for ${elsewhere.join(', ')}: choose with --platform`
      : 'see "skep store list"';
  throw new CliError(`Function '${name}' not found for platform '${platform}'; ${advice}`);
}
