import { mustRun, runCommand } from '../shell/run-command.ts';

export interface ImageBuild {
  /** Folder with a `Dockerfile`. */
  readonly context: string;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArguments?: Readonly<Record<string, string>>;
  readonly network?: string;
}

/** Builds an image with the engine's own builder, which every supported engine has; BuildKit is not needed. */
export async function buildImage(build: ImageBuild): Promise<void> {
  const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const buildArguments = [
    ...proxies.filter((name) => process.env[name]), // by name alone: the value comes from the environment
    ...Object.entries(build.buildArguments ?? {}).map(([name, value]) => `${name}=${value}`),
  ];
  await mustRun(
    [
      'docker',
      'build',
      ...build.tags.flatMap((tag) => ['--tag', tag]),
      ...Object.entries(build.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
      ...buildArguments.flatMap((argument) => ['--build-arg', argument]),
      ...(build.network === undefined ? [] : ['--network', build.network]),
      '--force-rm',
      build.context,
    ],
    {
      env: { DOCKER_BUILDKIT: '0' },
      advice: `The build of ${build.tags[0]} failed: the lines above say where. Mend that, then run this again.`,
    },
  );
}

/** The image's id, or undefined when the engine does not have it. */
export async function imageId(name: string): Promise<string | undefined> {
  return (await inspectImage(name, '{{.Id}}')) || undefined;
}

/** The ids of those of the images that the engine has, by name. */
export async function imageIds(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (const name of names) {
    const id = await imageId(name);
    if (id !== undefined) ids.set(name, id);
  }
  return ids;
}

/** One label of an image; '' when the image or the label is missing. */
export async function imageLabel(name: string, label: string): Promise<string> {
  return await inspectImage(name, `{{with .Config}}{{index .Labels ${JSON.stringify(label)}}}{{end}}`);
}

async function inspectImage(name: string, format: string): Promise<string> {
  const result = await runCommand(['docker', 'image', 'inspect', '--format', format, name]);
  return result.exitCode === 0 ? result.stdout.trim() : '';
}
