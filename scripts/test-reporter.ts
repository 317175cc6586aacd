import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import Mocha, { type MochaOptions, type Runner } from 'mocha';

/** How a run of mocha ended. `failed`: each failure's full title and what was thrown, with its stack. */
export interface RunSummary {
  readonly passes: number;
  readonly pending: number;
  readonly failed: readonly { readonly title: string; readonly error: string }[];
}

/** Mocha's `spec`, and a {@link RunSummary} as JSON in the file that the option `summary` names. */
class SpecWithSummary extends Mocha.reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const file: unknown = options.reporterOptions?.summary;
    const failed: { title: string; error: string }[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test, error: unknown) => {
      failed.push({ title: test.fullTitle(), error: wholeError(error) });
    });
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes = 0, pending = 0 } = runner.stats ?? {};
      const summary: RunSummary = { passes, pending, failed };
      if (typeof file === 'string') writeFileSync(file, JSON.stringify(summary));
    });
  }
}

function wholeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, stack = '' } = error;
  const { actual, expected } = error as { actual?: unknown; expected?: unknown };
  const compared = expected === undefined ? '' : `actual: ${shown(actual)}\nexpected: ${shown(expected)}\n`;
  const cause = error.cause === undefined ? '' : `\ncaused by: ${wholeError(error.cause)}`;
  return `${stack.includes(message) ? '' : `${message}\n`}${compared}${stack}${cause}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}

// biome-ignore lint/style/noDefaultExport: mocha takes a reporter from a module's default export
export default SpecWithSummary;
