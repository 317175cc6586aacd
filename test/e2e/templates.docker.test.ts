import { expect } from 'chai';
import { docker, emptyFolder, type Folder, skep, succeeded } from '../support/cli.ts';

/** What the starter handler of each template answers to `hi`. */
const ANSWERS: Readonly<Record<string, string>> = {
  typescript: 'Hello from TypeScript',
  node: 'Hello from Node.js',
  python: 'Hello from Python',
  dockerfile: 'hi',
};

describe('a function as `skep new` leaves it', function () {
  this.timeout(180_000);
  let folder: Folder;

  before(() => {
    folder = emptyFolder();
  });
  after(() => folder.remove());

  for (const [lang, answer] of Object.entries(ANSWERS)) {
    it(`builds with its own test, is deployed and answers: ${lang}`, async () => {
      const name = `e2e-new-${lang}`;
      const file = `${lang}.yaml`;
      try {
        succeeded('new', await skep(folder.path, ['new', name, '--lang', lang, '-f', file]));
        succeeded('up', await skep(folder.path, ['up', '-f', file]));
        const ran = succeeded('invoke', await skep(folder.path, ['invoke', name], 'hi'));
        expect(ran.stdout).to.contain(answer);
      } finally {
        await skep(folder.path, ['remove', name]);
        await docker('rmi', '-f', `${name}:latest`);
      }
    });
  }
});
