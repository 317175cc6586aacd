import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Problem } from '../shell/problem.ts';

/** All images of the platform and its examples, the build's layers, and room to work. */
const NEEDED_BYTES = 4 * 1024 ** 3;

/** @throws {Problem} when a folder, or the nearest one above it that exists, has too little room */
export function checkDisk(folder: string, neededBytes = NEEDED_BYTES): void {
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(1);
  throw new Problem(
    `only ${gib(freeBytes)} GiB are free for ${folder}; images and builds need ${gib(neededBytes)} GiB`,
    'Free some room (`docker system df` shows what Docker holds, `docker image prune` removes what nothing uses), then run this again.',
  );
}
