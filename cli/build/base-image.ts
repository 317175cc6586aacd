import { type CanonicalImage, canonicalImage } from '../../contract/canonical-image.ts';
import { BASE_REPOSITORIES, PLATFORM_IMAGE_OWNER } from '../../contract/platform-images.ts';

const HUB = 'docker.io/';
/** What our templates take the watchdog from: made by `npm run up`, and in no registry. */
export const WATCHDOG_IMAGE = `${PLATFORM_IMAGE_OWNER}/watchdog:latest`;

/**
 * The image that a `FROM` names, its variables replaced as the engine does it: build arguments over the defaults of the `ARG` lines
 * before the first `FROM`.
 * @param from the instruction, e.g. `FROM --platform=linux/amd64 ${GO_IMAGE} AS build`
 * @returns e.g. `golang:1.23-bookworm`; a variable that is nowhere set is empty
 */
export function baseImageOf(
  from: string,
  dockerfile: string,
  buildArgs: Readonly<Record<string, string>>,
): string {
  const [, image = ''] = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(from) ?? [];
  const defaults = new Map<string, string>();
  const lookUp = (name: string): string =>
    (Object.hasOwn(buildArgs, name) ? buildArgs[name] : defaults.get(name)) ?? '';
  for (const line of dockerfile.split('\n')) {
    if (/^\s*FROM\s/i.test(line)) break;
    const [, name, value = ''] = /^\s*ARG\s+(\w+)=(.*?)\s*$/i.exec(line) ?? [];
    if (name !== undefined)
      defaults.set(name, expandVariables(value.replace(/^(["'])(.*)\1$/, '$2'), lookUp));
  }
  return expandVariables(image, lookUp);
}

/** `$NAME`, `${NAME}`, `${NAME:-otherwise}` and `${NAME:+instead}`, as a Dockerfile has them. */
export function expandVariables(text: string, lookUp: (name: string) => string): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::([-+])([^{}]*))?\})/g,
    (_, bare: string | undefined, braced: string | undefined, operator: string | undefined, word = '') => {
      const value = lookUp(bare ?? braced ?? '');
      if (operator === '-') return value === '' ? word : value;
      if (operator === '+') return value === '' ? '' : word;
      return value;
    },
  );
}

/** Whether a build takes something from the watchdog's own image. */
export function takesWatchdog(dockerfile: string, buildArgs: Readonly<Record<string, string>>): boolean {
  const isWatchdogs = (image: string): boolean => {
    const found = canonical(image);
    return found?.repository === `${HUB}${PLATFORM_IMAGE_OWNER}/watchdog` && found.tag === 'latest';
  };
  return dockerfile.split('\n').some((line) => {
    const text = line.trim();
    const [, copied = ''] = /^(?:COPY|RUN)\s.*\bfrom=([^\s,]+)/i.exec(text) ?? [];
    return isWatchdogs(/^FROM\s/i.test(text) ? baseImageOf(text, dockerfile, buildArgs) : copied);
  });
}

/**
 * What to do about an image that the builder could not get: lines of their own.
 * @param hasEngineImages of the builder: what the engine makes is nothing to another
 */
export function adviceOnBaseImage(image: string, hasEngineImages: boolean): string {
  const { repository, tag } = canonical(image) ?? { repository: '', tag: '' };
  if (repository === '') return 'That is no name of an image: give its build argument a value.';
  if (repository === `${HUB}${PLATFORM_IMAGE_OWNER}/watchdog`)
    return `The engine has no ${image}. "npm run up" in a checkout of Skep makes it; "--remote" builds where it is, "--build-arg WATCHDOG_IMAGE=…" takes another.`;
  if (!hasEngineImages)
    return (
      `The builder could not get ${image}: is the name right, and does its registry answer?\n` +
      'It has none of this engine\'s images: where no registry answers, give it a mirror with them ("docker buildx create --config FILE"), or use "skep build" and "skep push".'
    );
  const ours = BASE_REPOSITORIES.find((name) =>
    [`${HUB}${name}`, `${HUB}library/${name}`].includes(repository),
  );
  const advice = `The engine could not get ${image}: is the name right, and does its registry answer?`;
  if (ours === undefined) return advice;
  return `${advice}\nWhere none does, a checkout of Skep makes it from packages: npm run base-images -- ${ours}:${tag}`;
}

function canonical(image: string): CanonicalImage | undefined {
  try {
    return canonicalImage(image);
  } catch {
    return undefined; // no name of an image, which is told
  }
}
