/** Lines of `docker build` that say which instruction runs: the classic builder's, and BuildKit's plain ones. */
const CLASSIC_STEP = /^Step \d+\/\d+ : (.+)$/;
const BUILDKIT_STEP = /^(#\d+) \[[^\]]*\d+\/\d+\] (.+)$/;
const BUILDKIT_ERROR = /^(#\d+) ERROR/;
/** What a builder elsewhere puts before each line. */
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) /;
const SHOWN_CHARACTERS = 160;

export interface StepWatcher {
  see(line: string): void;
  /** The instruction that runs now, or the one that failed; undefined before the first. */
  readonly step: string | undefined;
}

/** Reads along with a build's output. */
export function watchSteps(): StepWatcher {
  const byId = new Map<string, string>();
  let step: string | undefined;
  let isOver = false;
  return {
    see: (said) => {
      if (isOver) return;
      const line = said.replace(TIME, '');
      const [, failedId] = BUILDKIT_ERROR.exec(line) ?? [];
      if (failedId !== undefined) {
        step = byId.get(failedId) ?? step;
        isOver = true;
        return;
      }
      const [, id, instruction] = BUILDKIT_STEP.exec(line) ?? [];
      const text = instruction ?? CLASSIC_STEP.exec(line)?.[1];
      if (text === undefined) return;
      step = shortened(text);
      if (id !== undefined) byId.set(id, step);
    },
    get step() {
      return step;
    },
  };
}

/** What to add to "the build failed": where, and what to do when it was the function's own tests. */
export function whereItFailed(step: string | undefined, handler: string): string {
  if (step === undefined) return '';
  const where = `\n  It failed in: ${step}`;
  if (/^FROM /i.test(step)) {
    return `${where}\n  The engine could not get that image. Where no registry answers, a checkout of Skep makes a stand-in for it from packages:\n  npx bun scripts/base-images/main.ts IMAGE`;
  }
  if (!/\b(?:test|unittest|pytest)\b/.test(step)) return `${where}\n  The lines above say why.`;
  return `${where}\n  These are the tests in ${handler}: the lines above say which one failed. Where the handler was meant to change, change its test too.`;
}

function shortened(text: string): string {
  const oneLine = text.replace(/\s+/g, ' ').trim();
  return oneLine.length > SHOWN_CHARACTERS ? `${oneLine.slice(0, SHOWN_CHARACTERS)}…` : oneLine;
}
