// `npm run base-images [-- NAME…]`: makes base images available: the platform's, or those that are named.
import { imageId, imageLabel } from '../platform/build-image.ts';
import { describeFailure, Problem } from '../shell/problem.ts';
import { Progress } from '../shell/progress.ts';
import { ALL_IMAGES, BASE_IMAGES } from './catalog.ts';
import { chooseImages, imagesByTemplate } from './choose-images.ts';
import { ensureBaseImages, STAND_IN_LABEL } from './ensure-base-images.ts';

const HELP = `npm run base-images [-- NAME…]

Gets what images are built on: pulls what is missing, or makes a stand-in from packages where no registry answers.
NAME is a template, for all that it is built on, or one of the images. Without any: what the platform needs.

  npm run base-images -- --list        what there is, and what this engine has
  npm run base-images -- go rust
  npm run base-images -- golang:1.23-bookworm
`;

try {
  const words = process.argv.slice(2);
  const unknown = words.find((word) => word.startsWith('-') && !['--list', '--help', '-h'].includes(word));
  if (unknown !== undefined) throw new Problem(`there is no flag ${unknown}`, HELP);
  const progress = new Progress(process.stdout, process.env);
  if (words.includes('--help') || words.includes('-h')) {
    process.stdout.write(HELP);
  } else if (words.includes('--list')) {
    for (const line of await listing()) progress.note(line);
  } else {
    const wanted = chooseImages(words);
    if (words.length === 0)
      progress.note(
        'What the platform needs; for a template: npm run base-images -- go, for a list: -- --list',
      );
    const origins = await ensureBaseImages(progress.step, wanted);
    for (const [name, origin] of origins) progress.note(`${name}: ${origin}`);
  }
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}

/** A line for each image: whether the engine has it, and what is built on it. */
async function listing(): Promise<readonly string[]> {
  const templates = [...imagesByTemplate()];
  const rows: string[][] = [];
  for (const image of ALL_IMAGES) {
    const users = templates.filter(([, names]) => names.includes(image.name)).map(([name]) => name);
    const isPlatforms = BASE_IMAGES.includes(image);
    rows.push([
      image.name,
      await stateOf(image.name),
      [...(isPlatforms ? ['platform'] : []), ...users].join(', '),
    ]);
  }
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 2;
  const [first, second] = [width(0), width(1)];
  return rows.map(([name = '', state = '', users = '']) =>
    `${name.padEnd(first)}${state.padEnd(second)}${users || 'registry'}`.trimEnd(),
  );
}

async function stateOf(name: string): Promise<string> {
  if ((await imageId(name)) === undefined) return 'missing';
  return (await imageLabel(name, STAND_IN_LABEL)) === '' ? 'here' : 'here, made from packages';
}
