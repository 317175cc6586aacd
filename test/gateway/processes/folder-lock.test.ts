import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lockFolder } from '../../../gateway/processes/folder-lock.ts';

describe('lockFolder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives a folder to one at a time, and tells others who has it', () => {
    const letGo = lockFolder(folder);
    expect(() => lockFolder(folder)).to.throw(`in use by another skep dev (process ${process.pid})`);
    letGo();
    writeFileSync(join(folder, 'lock'), '12345678901\n'); // of one with a longer number
    lockFolder(folder)();
    expect(readFileSync(join(folder, 'lock'), 'utf8')).to.equal(`${process.pid}\n`);
  });

  it('names the file that the disk has no room for', function () {
    if (!existsSync('/dev/full')) this.skip();
    symlinkSync('/dev/full', join(folder, 'lock'));
    expect(() => lockFolder(folder)).to.throw(`${join(folder, 'lock')} cannot be written: ENOSPC`);
  });
});
