// `bun scripts/base-images/main.ts [image…]`: makes base images available: the platform's, or those that are named.
import { describeFailure, Problem } from '../shell/problem.ts';
import { Progress } from '../shell/progress.ts';
import { ALL_IMAGES, BASE_IMAGES, DEBIAN_IMAGE } from './catalog.ts';
import { ensureBaseImages } from './ensure-base-images.ts';

try {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !ALL_IMAGES.some((image) => image.name === name));
  if (unknown !== undefined) {
    throw new Problem(
      `no base image is called ${unknown}`,
      `Known: ${ALL_IMAGES.map((i) => i.name).join(', ')}.`,
    );
  }
  const named = ALL_IMAGES.filter(({ name }) => name === DEBIAN_IMAGE || names.includes(name));
  const wanted = names.length === 0 ? BASE_IMAGES : named;
  const progress = new Progress(process.stdout, process.env);
  const origins = await ensureBaseImages(progress.step, wanted);
  for (const [name, origin] of origins) progress.note(`${name}: ${origin}`);
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
