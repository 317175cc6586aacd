import { CliError } from '../errors.ts';
import type { TemplateManifest } from '../templates/template-manifest.ts';

export interface BuildArgumentSources {
  readonly lang: string;
  readonly manifest?: TemplateManifest | undefined;
  /** Named options, from the stack file and -o. */
  readonly buildOptions: readonly string[];
  /** Stack file's, then the flag's over them. */
  readonly buildArgs: Readonly<Record<string, string>>;
}

/**
 * Build arguments with `ADDITIONAL_PACKAGE`, which is always there: packages of the build options and the user's own,
 * sorted, each once.
 * @throws {CliError} for an empty key or value, and for an option that the template does not know
 */
export function buildArguments(sources: BuildArgumentSources): Record<string, string> {
  const { ADDITIONAL_PACKAGE: own = '', ...others } = sources.buildArgs;
  for (const [key, value] of Object.entries(others)) {
    if (key.trim() === '') throw new CliError(`build argument "${key}=${value}": the name must not be empty`);
    if (value.trim() === '') throw new CliError(`build argument "${key}": the value must not be empty`);
  }
  const packages = new Set(own.split(/\s+/).filter((name) => name !== ''));
  for (const name of sources.buildOptions) {
    const option = sources.manifest?.buildOptions.find((candidate) => candidate.name === name);
    if (!option) {
      throw new CliError(
        `build option "${name}" is not in /template/${sources.lang}/template.yml: correct it there or here`,
      );
    }
    for (const pkg of option.packages) packages.add(pkg);
  }
  return { ...others, ADDITIONAL_PACKAGE: [...packages].sort().join(' ') };
}

export interface DockerBuildOptions {
  readonly image: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Secret id to path; BuildKit only. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly squash: boolean;
  readonly pull: boolean;
  readonly mountSsh: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The arguments of `docker`, to be run in the build folder. */
export function dockerBuildArguments(options: DockerBuildOptions): string[] {
  const proxies = ['http_proxy', 'https_proxy'].flatMap((key) => {
    const value = options.env[key];
    return value ? ['--build-arg', `${key}=${value}`] : [];
  });
  return [
    'build',
    ...(options.noCache ? ['--no-cache'] : []),
    ...(options.squash ? ['--squash'] : []),
    ...proxies,
    ...Object.entries(options.buildArgs).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...Object.entries(options.labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ...(options.pull ? ['--pull'] : []),
    ...(options.mountSsh ? ['--ssh', 'default'] : []),
    '--tag',
    options.image,
    '.',
    ...Object.entries(options.secrets).flatMap(([id, path]) => ['--secret', `id=${id},src=${path}`]),
  ];
}
