// `npm run build`: compiles the programs whose sources changed to dist/.
import { join } from 'node:path';
import { compile, PROGRAMS } from './platform/compile.ts';
import { describeFailure } from './shell/problem.ts';
import { Progress } from './shell/progress.ts';

const root = join(import.meta.dirname, '..');
const progress = new Progress(process.stdout, process.env);
try {
  for (const program of PROGRAMS) {
    await progress.step(
      `compiling ${program.name}`,
      () => compile(root, program),
      ({ isNew }) => (isNew ? '' : 'unchanged'),
    );
  }
} catch (error) {
  console.error(`\n${describeFailure(error)}`);
  process.exitCode = 1;
}
