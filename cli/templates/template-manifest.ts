import { ContractError } from '../../contract/contract-error.ts';
import { YamlText } from '../../contract/stack-file-yaml.ts';

/** What a template.yml says. */
export interface TemplateManifest {
  readonly language: string;
  readonly fprocess: string;
  readonly welcomeMessage: string;
  /** Where the handler lies, in the template and in the build context. */
  readonly handlerFolder: string;
  readonly mountSsh: boolean;
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
  return {
    language: value('language'),
    fprocess: value('fprocess'),
    welcomeMessage: value('welcome_message'),
    handlerFolder,
    mountSsh: mountSsh === undefined ? false : yaml.flag(mountSsh),
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
