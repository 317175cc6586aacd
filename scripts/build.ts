// `npm run build [-- --all]`: compiles the programs whose sources changed to dist/; with --all the watchdog's variants, too.
import { basename, join } from 'node:path';
import { compile, PROGRAMS } from './platform/compile.ts';
import { sizeText } from './platform/executable-size.ts';
import { WATCHDOG_VARIANTS } from './platform/watchdog-variants.ts';
import { describeFailure } from './shell/problem.ts';
import { Progress } from './shell/progress.ts';

const USAGE =
  'usage: npm run build [-- --all]   --all: the watchdog for musl and for the other processor, too';
const args = process.argv.slice(2);
if (args.some((arg) => arg !== '--all')) {
  console.error(USAGE);
  process.exit(args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 2);
}

const root = join(import.meta.dirname, '..');
const progress = new Progress(process.stdout, process.env);
try {
  for (const program of args.length === 0 ? PROGRAMS : [...PROGRAMS, ...WATCHDOG_VARIANTS]) {
    const { file } = await progress.step(
      `compiling ${program.name}`,
      () => compile(root, program),
      ({ isNew }) => (isNew ? '' : 'unchanged'),
    );
    // What goes into every function's image is worth knowing.
    if (basename(file).startsWith('fwatchdog')) progress.note(`adds to an image: ${await sizeText(file)}`);
  }
} catch (error) {
  console.error(`\n${describeFailure(error)}`);
  process.exitCode = 1;
}
