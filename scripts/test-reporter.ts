import { writeFileSync } from 'node:fs';
import Mocha, { type MochaOptions, type Runner } from 'mocha';

/** Mocha's `spec`, and the numbers of the run as JSON in the file that the option `summary` names. */
class SpecWithSummary extends Mocha.reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const file: unknown = options.reporterOptions?.summary;
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      if (typeof file === 'string') writeFileSync(file, JSON.stringify({ passes, failures, pending }));
    });
  }
}

// biome-ignore lint/style/noDefaultExport: mocha takes a reporter from a module's default export
export default SpecWithSummary;
