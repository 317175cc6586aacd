import { adviceOnBaseImage } from './base-image.ts';

/** Lines of `docker build` that say which instruction runs: the classic builder's, and BuildKit's plain ones. */
const CLASSIC_STEP = /^Step (\d+\/\d+) : (.+)$/;
const BUILDKIT_STEP = /^(#\d+) \[[^\]]*?(\d+\/\d+)\] (.+)$/;
/** BuildKit asks for all base images first, and for one that it cannot have it comes no further. */
const BUILDKIT_BASE = /^(#\d+) \[[^\]]*internal\] load metadata for (.+)$/;
/** What buildx does first where the builder is a container that does not run. */
const BUILDKIT_BOOT = /^(#\d+) \[internal\] (booting buildkit)$/;
const BUILDKIT_EXPORT = /^(#\d+) (exporting to \w+)/;
/** The image is made: what fails now is no step of it, a push for instance. */
const CLASSIC_END = /^Successfully tagged /;
const FINISHING = 'finishing';
/** The kernel of the builder refuses a program, and the step names no other reason. */
const BUILDKIT_FOREIGN = /^(#\d+) \S+ (?:\S+ )?exec .*: exec format error$/;
const BUILDKIT_ERROR = /^(#\d+) ERROR/;
/** What a builder elsewhere puts before each line. */
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) /;
const SHOWN_CHARACTERS = 160;

export interface BuildStep {
  readonly instruction: string;
  /** e.g. `3/9`; empty where the builder does not count. */
  readonly progress: string;
  /** It was to run a program of another processor. */
  readonly isForeign?: boolean;
}

export interface StepWatcher {
  see(line: string): void;
  /** The step that runs now, or the one that failed; undefined before the first. */
  readonly step: BuildStep | undefined;
}

/** Reads along with a build's output, of which each line comes without colours. */
export function watchSteps(): StepWatcher {
  const byId = new Map<string, BuildStep>();
  let step: BuildStep | undefined;
  let isOver = false;
  return {
    see: (said) => {
      if (isOver) return;
      const line = said.replace(TIME, '');
      const [, failedId] = BUILDKIT_ERROR.exec(line) ?? [];
      if (failedId !== undefined) {
        step = byId.get(failedId); // not the last one that ran: that may be well
        isOver = true;
        return;
      }
      const [, foreignId] = BUILDKIT_FOREIGN.exec(line) ?? [];
      const foreign = foreignId === undefined ? undefined : byId.get(foreignId);
      if (foreignId !== undefined && foreign) byId.set(foreignId, { ...foreign, isForeign: true });
      const found = stepIn(line);
      if (found === undefined) return;
      if (found.id !== undefined) byId.set(found.id, found.step);
      if (!found.isBefore) step = found.step;
    },
    get step() {
      return step;
    },
  };
}

interface Found {
  readonly id?: string;
  readonly step: BuildStep;
  /** It comes before the build, and what fails next without a word of its step is none of it. */
  readonly isBefore?: boolean;
}

function stepIn(line: string): Found | undefined {
  const [, progress, text] = CLASSIC_STEP.exec(line) ?? [];
  if (progress !== undefined && text !== undefined)
    return { step: { progress, instruction: shortened(text) } };
  if (CLASSIC_END.test(line)) return { step: { progress: '', instruction: FINISHING } };
  const [, baseId, image] = BUILDKIT_BASE.exec(line) ?? [];
  if (baseId !== undefined) return { id: baseId, step: { progress: '', instruction: `FROM ${image}` } };
  const [, bootId, booting = ''] = BUILDKIT_BOOT.exec(line) ?? [];
  if (bootId !== undefined)
    return { id: bootId, step: { progress: '', instruction: booting }, isBefore: true };
  const [, exportId, exporting = ''] = BUILDKIT_EXPORT.exec(line) ?? [];
  if (exportId !== undefined) return { id: exportId, step: { progress: '', instruction: exporting } };
  const [, id, count = '', instruction = ''] = BUILDKIT_STEP.exec(line) ?? [];
  return id === undefined
    ? undefined
    : { id, step: { progress: count, instruction: shortened(instruction) } };
}

/**
 * What to add to "the build failed": where, and what to do about a base image, or about the function's own tests. Empty: it was not in a step.
 * @param baseImage the image that a `FROM` names
 */
export function whereItFailed(
  { instruction, isForeign }: BuildStep,
  {
    handler,
    baseImage,
    hasEngineImages,
  }: {
    readonly handler: string;
    readonly baseImage: (from: string) => string;
    readonly hasEngineImages: boolean;
  },
): string {
  if (instruction === FINISHING) return '';
  const where = `It failed in: ${instruction}`;
  if (/^FROM /i.test(instruction))
    return indented(`${where}\n${adviceOnBaseImage(baseImage(instruction), hasEngineImages)}`);
  if (instruction.startsWith('booting '))
    return indented(
      `${where}\nThe builder is a container, which could not be started: the lines above say why. Where its image cannot be had, let BUILDX_BUILDER name a builder that runs, or use "skep build" and "skep push". See: skep help publish`,
    );
  if (isForeign)
    return indented(
      `${where}\nThat is a program of another processor, which the builder can run with its emulation only: "skep publish --reset-qemu" sets it up, as does QEMU of the distribution. Was another processor meant at all? The base image may be of one.`,
    );
  if (instruction.startsWith('exporting to '))
    return indented(
      `${where}\nThe lines above say why. Where it was pushed: is the registry up, are you logged in to it (docker login), and does the builder reach it? See: skep help publish`,
    );
  if (!/\b(?:test|unittest|pytest)\b/.test(instruction))
    return indented(`${where}\nThe lines above say why.`);
  return indented(
    `${where}\nThese are the tests in ${handler}: the lines above say which one failed. Where the handler was meant to change, change its test too.`,
  );
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}

function shortened(text: string): string {
  const oneLine = text.replace(/\s+/g, ' ').trim();
  return oneLine.length > SHOWN_CHARACTERS ? `${oneLine.slice(0, SHOWN_CHARACTERS)}…` : oneLine;
}
