import { posix } from 'node:path';
import { expect } from 'chai';
import { asOnDisk, type Disk } from '../../../cli/watch/as-on-disk.ts';

/** A disk on which capitals do not count. */
function macDisk(...paths: readonly string[]): Disk {
  const all = paths.flatMap((path) => {
    const found: string[] = [];
    for (let at = path; at !== '/'; at = posix.dirname(at)) found.push(at);
    return [...found, '/'];
  });
  const same = (left: string, right: string): boolean =>
    left.normalize().toLowerCase() === right.normalize().toLowerCase();
  return {
    exists: (path) => all.some((one) => same(one, path)),
    namesIn: (folder) =>
      all.filter((one) => one !== '/' && posix.dirname(one) === folder).map((one) => posix.basename(one)),
  };
}

describe('asOnDisk', () => {
  it('spells a path as the disk does', () => {
    const disk = macDisk('/Users/ann/Project/hello/handler.js');
    expect(asOnDisk('/users/ann/Project/Hello', disk)).to.equal('/Users/ann/Project/hello');
    expect(asOnDisk('/Users/ann/Project/hello', disk)).to.equal('/Users/ann/Project/hello');
  });

  it('knows letters by either way of writing their accents', () => {
    const disk = macDisk('/p/caf\u0065\u0301');
    expect(asOnDisk('/p/Caf\u00e9', disk)).to.equal('/p/cafe\u0301');
  });

  it('leaves what is not there, and what may not be listed', () => {
    expect(asOnDisk('/p/gone/x', macDisk('/p/here'))).to.equal('/p/gone/x');
    const closed: Disk = {
      exists: () => true,
      namesIn: () => {
        throw new Error('EACCES');
      },
    };
    expect(asOnDisk('/P/x', closed)).to.equal('/P/x');
  });

  it('leaves what the disk has in both spellings', () => {
    const both: Disk = { exists: () => true, namesIn: (folder) => (folder === '/' ? ['p'] : ['Fn', 'fn']) };
    expect(asOnDisk('/p/fn', both)).to.equal('/p/fn');
    expect(asOnDisk('/p/Fn', both)).to.equal('/p/Fn');
  });
});
