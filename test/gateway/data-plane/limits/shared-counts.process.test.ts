import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createCountsFile, openCountsFile } from '../../../../gateway/data-plane/limits/shared-counts.ts';

const PROGRAM = fileURLToPath(new URL('enters-and-leaves.ts', import.meta.url));
const LIMIT = 5;
/** Since both have begun. */
const RUN_MS = 1000;

describe('counts of two processes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-counts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('never hold more than the limit, never lose one, and share one bucket to the last call', async () => {
    const path = join(folder, 'counts');
    createCountsFile(path, 2, 64);
    const results = await Promise.all(
      ['0', '1'].map(async (worker) => {
        const args = [PROGRAM, path, worker, String(LIMIT), String(RUN_MS)];
        const { stdout } = await promisify(execFile)(process.execPath, args);
        return JSON.parse(stdout) as { most: number; refused: number; taken: number };
      }),
    );
    for (const { most, refused } of results) {
      expect(most).to.be.within(4, LIMIT);
      expect(refused).to.be.greaterThan(0);
    }
    expect(openCountsFile(path, { workers: 2, worker: 0, slots: 64 }).count(1)).to.equal(0);
    expect(results.reduce((sum, { taken }) => sum + taken, 0)).to.equal(1000);
  });
});
