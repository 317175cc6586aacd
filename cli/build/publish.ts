import { CliError } from '../errors.ts';
import { capture, runLines } from '../run-program.ts';
import type { Shell } from '../shell.ts';
import { type DockerBuildOptions, dockerBuildArguments } from './docker-arguments.ts';

/** A build whose image goes to its registry for several platforms at once, and is not kept here. */
export interface PublishSettings {
  /** e.g. `linux/amd64,linux/arm64`; a function's own come first. */
  readonly platforms: string;
  /** More tags of the same image. */
  readonly extraTags: readonly string[];
}

/** faas-cli's: one that was made by it, or by the user with settings of their own, is taken as it is. */
const BUILDER = 'multiarch';
const QEMU = ['run', '--rm', '--privileged', 'multiarch/qemu-user-static', '--reset', '-p', 'yes'];

/** @throws {CliError} for what buildx would refuse after minutes */
export function checkPublish({ platforms, extraTags }: PublishSettings): void {
  parsePlatforms(platforms, '--platforms');
  for (const tag of extraTags) {
    if (!/^\w[\w.-]{0,127}$/.test(tag))
      throw new CliError(
        `--extra-tag must be a tag such as v1.2, without the image's name, but you gave: ${tag}`,
      );
  }
}

/** Without blanks. @param where names the flag or the field */
export function parsePlatforms(text: string, where: string): string {
  const platforms = text.split(',').map((each) => each.trim());
  if (!platforms.every((each) => /^[a-z0-9]+\/[a-z0-9_]+(\/v\d+)?$/.test(each)))
    throw new CliError(`${where} must be a list such as linux/amd64,linux/arm64, but you gave: ${text}`);
  return platforms.join(',');
}

export interface Builder {
  /** In which buildx builds with it. */
  readonly env: Shell['env'];
  /** It is the engine that `docker` speaks to, whose images it has; any other one has none of them. */
  readonly isEngine: boolean;
}

/**
 * The builder that the user chose (`BUILDX_BUILDER`), else `multiarch`, which is made where there is none of that name.
 * @throws {CliError} when Docker has no buildx, or the engine refuses, or there is none of the chosen name
 */
export async function prepareBuilder(shell: Shell, { resetQemu }: { resetQemu: boolean }): Promise<Builder> {
  if (resetQemu) {
    await mustRun(shell, QEMU, 'the emulation of other platforms cannot be set up');
    shell.out('Ran qemu-user-static --reset. OK.');
  }
  const chosen = shell.env['BUILDX_BUILDER'];
  if (chosen) {
    const why = `publish needs the buildx component of Docker, with the builder that BUILDX_BUILDER names: ${chosen}`;
    const inspected = await mustRun(shell, ['buildx', 'inspect', chosen], why);
    return { env: shell.env, isEngine: await isEngine(shell, inspected) };
  }
  const found = await capture('docker', ['buildx', 'inspect', BUILDER], shell);
  if (found.exitCode !== 0) {
    await mustRun(
      shell,
      ['buildx', 'create', '--use', `--name=${BUILDER}`, `--node=${BUILDER}`],
      'there is no builder for several platforms: publish needs the buildx component of Docker (build and push do not)',
    );
    shell.out(`Created buildx node: "${BUILDER}"`);
  }
  return { env: { ...shell.env, BUILDX_BUILDER: BUILDER }, isEngine: false };
}

/** The builder that is an engine has the name of its context. @param inspected what buildx says of the builder */
async function isEngine(shell: Shell, inspected: string): Promise<boolean> {
  if (!/^Driver:\s*docker\s*$/m.test(inspected)) return false;
  const shown = await capture('docker', ['context', 'show'], shell);
  // Clients of 20.10 cannot say it.
  const context = shown.exitCode === 0 ? shown.stdout.trim() : shell.env['DOCKER_CONTEXT'] || 'default';
  return /^Name:\s*(.+?)\s*$/m.exec(inspected)?.[1] === context;
}

/** @returns its stdout */
async function mustRun(shell: Shell, args: readonly string[], otherwise: string): Promise<string> {
  const { exitCode, stdout, stderr } = await capture('docker', args, shell);
  if (exitCode === 0) return stdout;
  const lines = `${stderr}\n${stdout}`.trim().split('\n');
  // Docker's own word comes after what it tells of a pull.
  const said = lines.find((line) => /^(?:docker|error): /i.test(line)) ?? lines[0] ?? '';
  throw new CliError(`docker ${args.slice(0, 2).join(' ')} ended with ${exitCode}: ${said}\n${otherwise}`);
}

/** The arguments of `docker`, to be run in the build folder. @param platforms checked @param contexts of `--build-context` */
export function publishArguments(
  options: DockerBuildOptions,
  { platforms, extraTags, contexts }: PublishSettings & { readonly contexts: readonly string[] },
): string[] {
  const [build = '', ...rest] = dockerBuildArguments(options);
  const bare = options.image.slice(0, options.image.lastIndexOf(':'));
  const secrets = rest.indexOf('.') + 1;
  return [
    'buildx',
    build,
    '--progress=plain',
    `--platform=${platforms}`,
    '--output=type=registry,push=true',
    ...contexts.flatMap((context) => ['--build-context', context]),
    ...rest.slice(0, secrets),
    ...extraTags.flatMap((tag) => ['--tag', `${bare}:${tag}`]),
    ...rest.slice(secrets),
  ];
}

/** Builds and pushes one image. @throws {CliError} when it fails */
export async function publishImage(
  shell: Shell,
  args: readonly string[],
  {
    name,
    folder,
    env,
    onLine,
  }: {
    readonly name: string;
    readonly folder: string;
    /** Of `prepareBuilder`. */
    readonly env: Shell['env'];
    readonly onLine: (line: string) => void;
  },
): Promise<void> {
  shell.out(`Publishing with command: docker [${args.join(' ')}]`);
  const exitCode = await runLines('docker', args, { cwd: folder, env, stop: shell.stop }, onLine);
  if (exitCode !== 0)
    throw new CliError(
      `[${name}] received non-zero exit code from build, error: docker buildx build ended with ${exitCode}`,
    );
}
