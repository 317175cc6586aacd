import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createOwnFolder, removeOwnFolder } from '../../../gateway/workers/own-folder.ts';

describe('the folder of a gateway', () => {
  it('is removed by its path, and nothing else is, whatever path was written down', () => {
    const own = createOwnFolder();
    const other = mkdtempSync(join(tmpdir(), 'skep-own-'));
    const within = join(other, 'skep-gateway-abcdef');
    mkdirSync(within);
    try {
      for (const path of ['', '/', '.', tmpdir(), other, within, `${own}/..`, `${own}/../x`, `${own}\n`])
        removeOwnFolder(path);
      expect([own, other, within].map((path) => existsSync(path))).to.deep.equal([true, true, true]);
      removeOwnFolder(own);
      expect(existsSync(own)).to.equal(false);
      removeOwnFolder(own);
    } finally {
      for (const path of [own, other]) rmSync(path, { recursive: true, force: true });
    }
  });
});
