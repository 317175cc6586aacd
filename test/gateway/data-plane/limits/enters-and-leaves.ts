// One of two workers that enter a slot with a limit and leave it, for as long as it is told to, and tell what was the most that
// were in at a time, and how many calls of one bucket they got: `enters-and-leaves.ts FILE WORKER LIMIT MS`.

import { openCountsFile } from '../../../../gateway/data-plane/limits/shared-counts.ts';

const LIMITED = 1;
/** Counts those who are in, and none who were refused. */
const SEEN = 2;
const BUCKET = 3;
const BEGUN = 4;
const ONE_AN_HOUR = { gapMicros: 3_600_000_000, aheadMicros: 3_600_000_000 * 1000 };

const [path = '', worker = '', limit = '', ms = ''] = process.argv.slice(2);
const counts = openCountsFile(path, { workers: 2, worker: Number(worker), slots: 64 });
let most = 0;
let refused = 0;
let taken = 0;
// Alone, nobody is in the other's way.
counts.tryEnter(BEGUN, 2);
while (counts.count(BEGUN) < 2) await Bun.sleep(1);
for (const endMs = Date.now() + Number(ms); Date.now() < endMs; ) {
  let held = 0;
  for (let call = 0; call < 4; call++) {
    if (counts.tryEnter(LIMITED, Number(limit))) {
      held++;
      counts.tryEnter(SEEN, 1000);
      most = Math.max(most, counts.count(SEEN));
    } else refused++;
  }
  if (counts.take(BUCKET, ONE_AN_HOUR).isAllowed) taken++;
  for (; held > 0; held--) {
    counts.leave(SEEN);
    counts.leave(LIMITED);
  }
}
process.stdout.write(JSON.stringify({ most, refused, taken }));
