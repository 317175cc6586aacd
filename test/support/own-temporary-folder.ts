import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** While the suite's tests run, temporary files of this process lie where nobody else's do. */
export function ownTemporaryFolder(): void {
  const former = process.env['TMPDIR'];
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-test-'));
    process.env['TMPDIR'] = folder;
  });
  after(() => {
    if (former === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = former;
    rmSync(folder, { recursive: true, force: true });
  });
}
