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

const BUILDER = ['buildx', 'create', '--use', '--name=multiarch', '--node=multiarch'];
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

/**
 * Makes and chooses the builder for several platforms, or takes the one of before.
 * @throws {CliError} when Docker has no buildx, or the engine refuses
 */
export async function prepareBuilder(shell: Shell, { resetQemu }: { resetQemu: boolean }): Promise<void> {
  if (resetQemu) {
    await mustRun(shell, QEMU, 'the emulation of other platforms cannot be set up');
    shell.out('Ran qemu-user-static --reset. OK.');
  }
  await mustRun(
    shell,
    BUILDER,
    'there is no builder for several platforms: publish needs the buildx component of Docker (build and push do not)',
  );
  shell.out('Created buildx node: "multiarch"');
}

async function mustRun(shell: Shell, args: readonly string[], otherwise: string): Promise<void> {
  const { exitCode, stdout, stderr } = await capture('docker', args, shell);
  if (exitCode === 0) return;
  const said = `${stderr}\n${stdout}`.trim().split('\n')[0] ?? '';
  throw new CliError(`docker ${args.slice(0, 2).join(' ')} ended with ${exitCode}: ${said}\n${otherwise}`);
}

/** The arguments of `docker`, to be run in the build folder. @param platforms checked */
export function publishArguments(
  options: DockerBuildOptions,
  { platforms, extraTags }: PublishSettings,
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
    onLine,
  }: { readonly name: string; readonly folder: string; readonly onLine: (line: string) => void },
): Promise<void> {
  shell.out(`Publishing with command: docker [${args.join(' ')}]`);
  const exitCode = await runLines('docker', args, { cwd: folder, env: shell.env, stop: shell.stop }, onLine);
  if (exitCode !== 0)
    throw new CliError(
      `[${name}] received non-zero exit code from build, error: docker buildx build ended with ${exitCode}`,
    );
}
