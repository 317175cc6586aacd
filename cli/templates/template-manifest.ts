import { ContractError } from '../../contract/contract-error.ts';
import { YamlText } from '../../contract/stack-file-yaml.ts';

/** How a function of the template runs from its source folder, without an image. Ours, beyond OpenFaaS. */
export interface DevRecipe {
  /** Programs that must be on the PATH. */
  readonly needs: readonly string[];
  /** Shell command in the work folder, run when one of `lock` has changed. */
  readonly install?: string;
  /** Files in the work folder that say what is to be installed. */
  readonly lock: readonly string[];
  /** Where it is found in one of those, packages are made of the function's own files, too: any change of a file installs anew. */
  readonly ownFiles?: RegExp;
  /** Shell command in the work folder, run when any file has changed. */
  readonly build?: string;
  /** Over the environment that the Dockerfile sets. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a template.yml says. */
export interface TemplateManifest {
  readonly language: string;
  readonly fprocess: string;
  readonly welcomeMessage: string;
  /** Where the handler lies, in the template and in the build context. */
  readonly handlerFolder: string;
  readonly mountSsh: boolean;
  /** Files of the handler folder that are about the starter alone, such as its test: no build of another handler has them. Ours, as is what follows. */
  readonly starterOnly: readonly string[];
  /** Lock files of the starter, each with the manifest that it belongs to: another manifest makes it wrong. */
  readonly starterLocks: Readonly<Record<string, string>>;
  /** Absent: the Dockerfile's environment is all that is known. */
  readonly dev?: DevRecipe;
  readonly buildOptions: readonly { readonly name: string; readonly packages: readonly string[] }[];
}

/** @throws {ContractError} naming file, line and field */
export function parseTemplateManifest(text: string, fileName: string): TemplateManifest {
  const yaml = new YamlText(text, fileName);
  const keys = yaml.entries(yaml.root);
  const value = (key: string): string => yaml.optionalText(keys.get(key)) ?? '';
  const handlerFolder = value('handler_folder').replace(/^\.\//, '').replace(/\/+$/, '') || 'function';
  if (handlerFolder.startsWith('/') || handlerFolder.split('/').includes('..')) {
    throw new ContractError(`${fileName}: handler_folder must be a folder inside the template`);
  }
  const mountSsh = keys.get('mount_ssh');
  const options = keys.get('build_options');
  const dev = keys.get('dev');
  const starterOnly = keys.get('starter_only');
  const starterLocks = keys.get('starter_locks');
  const inside = (path: string): string => {
    if (path !== '' && !path.startsWith('/') && !path.split('/').includes('..')) return path;
    throw new ContractError(`${fileName}: ${path} must be a file inside the handler's folder`);
  };
  return {
    language: value('language'),
    fprocess: value('fprocess'),
    welcomeMessage: value('welcome_message'),
    handlerFolder,
    mountSsh: mountSsh === undefined ? false : yaml.flag(mountSsh),
    starterOnly: (starterOnly === undefined ? [] : yaml.list(starterOnly)).map(inside),
    starterLocks: Object.fromEntries(
      Object.entries(starterLocks === undefined ? {} : yaml.textMap(starterLocks)).map((pair) =>
        pair.map(inside),
      ),
    ),
    ...(dev !== undefined && { dev: parseDevRecipe(yaml, dev, fileName) }),
    buildOptions: (options === undefined ? [] : yaml.items(options)).map((item) => {
      const option = yaml.entries(item);
      const packages = option.get('packages');
      return {
        name: yaml.optionalText(option.get('name')) ?? '',
        packages: packages === undefined ? [] : yaml.list(packages),
      };
    }),
  };
}

function parseDevRecipe(
  yaml: YamlText,
  node: Parameters<YamlText['entries']>[0],
  fileName: string,
): DevRecipe {
  const keys = yaml.entries(node);
  const list = (key: string): readonly string[] => {
    const found = keys.get(key);
    return found === undefined ? [] : yaml.list(found);
  };
  const install = yaml.optionalText(keys.get('install'));
  const build = yaml.optionalText(keys.get('build'));
  const environment = keys.get('environment');
  const ownFiles = keys.get('own_files');
  return {
    needs: list('needs'),
    lock: list('lock'),
    ...(ownFiles !== undefined && { ownFiles: parsePattern(yaml.text(ownFiles), fileName) }),
    environment: environment === undefined ? {} : yaml.textMap(environment),
    ...(install && { install }),
    ...(build && { build }),
  };
}

/** Of lines, as far as `^` and `$` go. */
function parsePattern(text: string, fileName: string): RegExp {
  try {
    return new RegExp(text, 'm');
  } catch (error) {
    throw new ContractError(
      `${fileName}: dev.own_files: ${error instanceof Error ? error.message : text}; write a regular expression`,
    );
  }
}
