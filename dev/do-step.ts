import { CliError } from '../cli/errors.ts';
import type { Shell } from '../cli/shell.ts';
import { runStep } from './run-step.ts';
import type { WorkFolder } from './work-folder.ts';

/** How much of a step's output is shown when it fails. */
const MOST_LINES = 60;
const MOST_SHOWN_CHARS = 100;

export interface StepContext {
  readonly shell: Pick<Shell, 'env'>;
  readonly folder: WorkFolder;
  /** Of its programs. */
  readonly path: string;
  /** Those that were done; this one is added. */
  readonly steps: string[];
  /** It begins, and takes its time. */
  readonly onStep: (what: string) => void;
  readonly onLine: (line: string) => void;
}

export interface DevStep {
  readonly kind: 'install' | 'build';
  readonly command: string | undefined;
  /** Stands for what it depends on. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** Does a step in the work folder, unless it was done with this key. @throws {StepFailed} */
export async function doStep(
  { shell, folder, path, steps, onStep, onLine }: StepContext,
  { kind, command, key, signal }: DevStep,
): Promise<void> {
  if (command === undefined || (await folder.isDone(kind, key))) return;
  const [firstLine = ''] = command.trim().split('\n');
  onStep(kind === 'install' ? 'installing packages' : 'building');
  // Half done is not done, whatever was there before.
  await folder.setDone(kind, undefined);
  const lines: string[] = [];
  const exitCode = await runStep(
    {
      command,
      cwd: folder.work,
      env: { ...shell.env, PATH: path },
      onLine: (line) => {
        lines.push(line);
        if (lines.length > MOST_LINES) lines.shift();
        onLine(line);
      },
    },
    signal,
  );
  signal.throwIfAborted();
  if (exitCode !== 0) {
    const what = kind === 'install' ? 'its packages could not be installed' : 'it could not be built';
    throw new StepFailed(`${what}: exit code ${exitCode} of ${shortened(firstLine)}`, lines);
  }
  steps.push(kind);
  await folder.setDone(kind, key);
}

function shortened(text: string): string {
  return text.length > MOST_SHOWN_CHARS ? `${text.slice(0, MOST_SHOWN_CHARS)}…` : text;
}

/** A step that failed, with the end of what it printed. */
export class StepFailed extends CliError {
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super(message);
    this.lines = lines;
  }
}
