import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { createOwnFolder, removeLeftFolders } from '../../../gateway/workers/own-folder.ts';

describe('the folders of gateways', () => {
  const made: string[] = [];
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
  });
  /** As if it had been made long ago. */
  const old = (path: string): string => {
    made.push(path);
    utimesSync(path, 0, 0);
    return path;
  };

  it('stay while their gateway lives, whoever listens, and go when it was killed: nobody has their lock any more', () => {
    const living = old(createOwnFolder());
    const make = (): string => mkdtempSync(join(dirname(living), 'skep-gateway-'));
    const [left, young, unlocked] = [make(), make(), make()];
    made.push(young);
    for (const path of [left, young]) writeFileSync(join(path, 'lock'), '');
    for (const path of [left, unlocked]) old(path);
    removeLeftFolders();
    const stay = [living, left, young, unlocked].map((path) => existsSync(path));
    expect(stay).to.deep.equal([true, false, true, true]);
  });

  it('are known by their names: nothing else goes', () => {
    const place = dirname(old(createOwnFolder()));
    const other = old(mkdtempSync(join(tmpdir(), 'skep-own-')));
    const within = join(other, 'skep-gateway-abcdef');
    const longer = join(place, `skep-gateway-abcdef-${process.pid}`);
    for (const path of [within, longer]) mkdirSync(path);
    for (const path of [within, longer]) old(path);
    removeLeftFolders();
    expect([other, within, longer].map((path) => existsSync(path))).to.deep.equal([true, true, true]);
  });

  it('go also while those of others come and go', async () => {
    const place = dirname(old(createOwnFolder()));
    const others = mkdtempSync(join(place, 'skep-gateway-'));
    const left = mkdtempSync(join(place, 'skep-gateway-'));
    made.push(others, left);
    const worker = new Worker(
      `const { mkdirSync, rmdirSync } = require('node:fs');
      for (;;) { rmdirSync(${JSON.stringify(others)}); mkdirSync(${JSON.stringify(others)}); }`,
      { eval: true },
    );
    try {
      while (existsSync(others)) await Bun.sleep(0);
      for (let times = 0; times < 200; times++) {
        mkdirSync(left, { recursive: true });
        writeFileSync(join(left, 'lock'), '');
        utimesSync(left, 0, 0);
        removeLeftFolders();
        expect(existsSync(left), `the ${times + 1}th time`).to.equal(false);
      }
    } finally {
      await worker.terminate();
    }
  });
});
