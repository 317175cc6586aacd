import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suggestionFor } from '../../contract/suggestion.ts';
import { Problem } from '../shell/problem.ts';
import { ALL_IMAGES, BASE_IMAGES, type BaseImage, DEBIAN_IMAGE } from './catalog.ts';

const TEMPLATES = join(import.meta.dirname, '..', '..', 'templates');

/** The base images of each template, by its name: those of the catalogue that its Dockerfile names. */
export function imagesByTemplate(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const template of readdirSync(TEMPLATES).sort()) {
    const texts = ['Dockerfile', 'function/Dockerfile'].map((path) => join(TEMPLATES, template, path));
    const words = texts.filter(existsSync).flatMap((path) => readFileSync(path, 'utf8').split(/[\s="']+/));
    const named = ALL_IMAGES.filter(({ name }) => words.includes(name)).map(({ name }) => name);
    if (named.length > 0) found.set(template, named);
  }
  return found;
}

/**
 * The images that are meant, Debian first, since the others stand on it.
 * @param wanted images, with or without their tags, or templates for all that they are built on; none: the platform's
 * @throws {Problem} for a name that is neither
 */
export function chooseImages(wanted: readonly string[]): readonly BaseImage[] {
  if (wanted.length === 0) return BASE_IMAGES;
  const templates = imagesByTemplate();
  const chosen = new Set([DEBIAN_IMAGE]);
  for (const name of wanted) {
    const images =
      templates.get(name) ?? ALL_IMAGES.map((image) => image.name).filter((image) => isCalled(image, name));
    if (images.length === 0) throw unknown(name, [...templates.keys()]);
    for (const image of images) chosen.add(image);
  }
  return ALL_IMAGES.filter(({ name }) => chosen.has(name));
}

/** With its tag, or by its repository alone. */
function isCalled(image: string, name: string): boolean {
  return image === name || image.split(':')[0] === name;
}

function unknown(name: string, templates: readonly string[]): Problem {
  const images = ALL_IMAGES.map((image) => image.name);
  const near = suggestionFor(name, [...templates, ...images]);
  const sameRepository = images.find((image) => isCalled(image, name.split(':')[0] ?? ''));
  const meant = near ?? sameRepository;
  return new Problem(
    `${name} is no base image that can be made here, and no template${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    `Images: ${images.join(', ')}.\nTemplates: ${templates.join(', ')}.`,
  );
}
