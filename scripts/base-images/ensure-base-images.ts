import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageId, imageLabel } from '../platform/build-image.ts';
import type { Step } from '../shell/progress.ts';
import { BASE_IMAGES, type BaseImage, DEBIAN_IMAGE } from './catalog.ts';
import { buildDebianStandIn } from './debian-stand-in.ts';
import { buildDockerfileStandIn } from './dockerfile-stand-in.ts';
import { type HostTrust, readHostTrust } from './host-trust.ts';
import { pullImage } from './pull.ts';

/** Marks an image that we built in place of one that could not be pulled. */
export const STAND_IN_LABEL = 'com.skep.stand-in';
const RECIPE_LABEL = 'com.skep.recipe';

export type Origin = 'present' | 'pulled' | 'built' | 'absent';

/**
 * Makes every base image available: one that is there stays, a missing one is pulled, and where that fails a stand-in is built
 * under the same name. When the first pull fails no other is tried. A stand-in is rebuilt when its recipe or what it took from the
 * host changed; an image that was pulled is never replaced.
 * @returns where each image came from; `absent` only for one that has no stand-in
 */
export async function ensureBaseImages(
  step: Step,
  images: readonly BaseImage[] = BASE_IMAGES,
): Promise<ReadonlyMap<string, Origin>> {
  const trust = await readHostTrust('bookworm');
  const origins = new Map<string, Origin>();
  let registryAnswers: boolean | undefined;

  const pull = async (name: string): Promise<boolean> => {
    if (registryAnswers === false) return false;
    const reason = await step(
      `pulling ${name}`,
      () => pullImage(name),
      (why) => (why ? `not possible, ${why}` : ''),
    );
    registryAnswers ??= reason === undefined;
    return reason === undefined;
  };
  const ensure = async (image: BaseImage): Promise<void> => {
    const recipe = recipeOf(
      image,
      trust,
      image.name === DEBIAN_IMAGE ? undefined : await imageId(DEBIAN_IMAGE),
    );
    if ((await imageId(image.name)) !== undefined) {
      const isStandIn = (await imageLabel(image.name, STAND_IN_LABEL)) !== '';
      if (!isStandIn || (await imageLabel(image.name, RECIPE_LABEL)) === recipe) {
        origins.set(image.name, 'present');
        return;
      }
    } else if (await pull(image.name)) {
      origins.set(image.name, 'pulled');
      return;
    }
    if (image.standIn.kind === 'none') {
      origins.set(image.name, 'absent');
      return;
    }
    await step(`building a stand-in for ${image.name}`, () => buildStandIn(image, recipe, trust));
    origins.set(image.name, 'built');
  };

  const [first, ...others] = images;
  if (first !== undefined) await ensure(first); // alone: it finds out whether a registry answers, and the others stand on it
  await inParallel(others, 2, ensure);
  return origins;
}

async function buildStandIn({ name, standIn }: BaseImage, recipe: string, trust: HostTrust): Promise<void> {
  const labels = { [STAND_IN_LABEL]: 'true', [RECIPE_LABEL]: recipe };
  if (standIn.kind === 'debootstrap') {
    await buildDebianStandIn({ image: name, suite: standIn.suite, labels, trust });
  } else if (standIn.kind === 'dockerfile') {
    const folder = join(import.meta.dirname, standIn.folder);
    await buildDockerfileStandIn({ image: name, folder, labels, npmPackages: standIn.npmPackages });
  }
}

/** A short hash over all that decides what a stand-in contains, except the versions that the package mirrors serve today. */
function recipeOf(image: BaseImage, trust: HostTrust, parentId: string | undefined): string {
  const hash = createHash('sha256').update(JSON.stringify([image, parentId ?? trust]));
  const addFolder = (folder: string, wanted: RegExp) => {
    for (const name of readdirSync(folder).sort()) {
      if (wanted.test(name)) hash.update(readFileSync(join(folder, name)));
    }
  };
  if (image.standIn.kind === 'dockerfile') addFolder(join(import.meta.dirname, image.standIn.folder), /./);
  if (image.standIn.kind === 'debootstrap') {
    addFolder(import.meta.dirname, /^debian-stand-in\.sh$/);
    if (trust.certificates !== '') addFolder(trust.certificates, /\.crt$/);
  }
  return hash.digest('hex').slice(0, 16);
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
