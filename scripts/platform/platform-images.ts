import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DEBIAN_IMAGE } from '../base-images/catalog.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';
import { buildImage, imageId } from './build-image.ts';
import type { Compiled } from './compile.ts';

/** Marks the images of the platform itself. */
const PLATFORM_LABEL = 'com.skep.platform';

export interface PlatformImage {
  /** With its content tag. */
  readonly image: string;
  readonly isNew: boolean;
}

/**
 * Builds `skep/<name>` around compiled programs, unless the image of exactly this content is there. It is tagged with a hash of its
 * content and as `latest`.
 */
export async function ensurePlatformImage(
  root: string,
  name: string,
  programs: readonly Compiled[],
): Promise<PlatformImage> {
  const recipe = join(root, 'images', name, 'Dockerfile');
  const base = await imageId(DEBIAN_IMAGE);
  const tag = createHash('sha256')
    .update(readFileSync(recipe))
    .update(`${programs.map(({ inputHash }) => inputHash).join(' ')} ${base}`)
    .digest('hex')
    .slice(0, 12);
  const image = `skep/${name}:${tag}`;
  const latest = `skep/${name}:latest`;
  if ((await imageId(image)) !== undefined) {
    await mustRun(['docker', 'tag', image, latest], { advice: 'Look at `docker images`.' });
    return { image, isNew: false };
  }
  const context = mkdtempSync(join(tmpdir(), 'skep-image-'));
  try {
    copyFileSync(recipe, join(context, 'Dockerfile'));
    for (const { file } of programs) copyFileSync(file, join(context, basename(file)));
    await buildImage({ context, tags: [image, latest], labels: { [PLATFORM_LABEL]: name } });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return { image, isNew: true };
}

/** Earlier states of an image that stay, for a rollback. */
const KEPT_TAGS = 3;

/** Removes the oldest tags of `skep/<name>`; what a container uses stays, since the engine keeps it. */
export async function removeOldTags(name: string): Promise<void> {
  // The engine lists the newest first.
  const listed = await runCommand([
    'docker',
    'images',
    '--format',
    '{{.Repository}}:{{.Tag}}',
    `skep/${name}`,
  ]);
  const tags = listed.stdout.split('\n').filter((tag) => tag !== '' && !tag.endsWith(':latest'));
  const old = tags.slice(KEPT_TAGS);
  if (old.length > 0) await runCommand(['docker', 'image', 'rm', ...old]);
}
