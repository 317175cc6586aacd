import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { LANGUAGES } from '../templates/languages.ts';
import { OWN_PACKAGES } from '../templates/own-packages.ts';
import { DevProject } from './support/dev-project.ts';

/** Compilers and package managers that are started for the first time take theirs. */
const LIMIT_MS = 180_000;

describe('skep dev, language by language', function () {
  this.timeout(LIMIT_MS);
  let project: DevProject;

  beforeEach(() => {
    project = new DevProject();
  });
  afterEach(function () {
    return project.remove(this.currentTest);
  });

  for (const { lang, greeting, needs, packageFolder, packageAnswer } of LANGUAGES) {
    it(`runs the starter of ${lang}, and a function with a locked package, without an image`, async function () {
      const missing = needs.filter((program) => Bun.which(program) === null);
      if (missing.length > 0) {
        console.log(`      skipped: ${missing.join(', ')} not on this machine`);
        this.skip();
      }
      await project.skep(['new', 'starter', '--lang', lang, '-q']);
      if (packageFolder !== undefined) {
        await project.skep(['new', 'packaged', '--lang', lang, '-q', '--append', 'stack.yaml']);
        cpSync(packageFolder, join(project.path, 'packaged'), { recursive: true });
      }
      const dev = await project.dev();
      await dev.line(/^Watching/);
      expect((await dev.call('starter')).text, dev.output).to.include(greeting);
      if (packageAnswer !== undefined)
        expect((await dev.call('packaged')).text, dev.output).to.include(packageAnswer);
      expect(project.has('starter/node_modules')).to.equal(false);
    });
  }

  it("serves an edit of a package in the function's own folder", async function () {
    if (Bun.which('python3') === null) this.skip();
    await project.skep(['new', 'own', '--lang', 'python', '-q']);
    for (const [path, text] of Object.entries(OWN_PACKAGES['python'] ?? {}))
      project.write(`own/${path}`, text);
    const dev = await project.dev();
    await dev.line(/^own +\| ready: /);
    expect((await dev.call('own')).text, dev.output).to.equal('its own');
    project.write('own/words/words.py', 'WORDS = "edited"\n');
    await dev.line(/^own +\| reloaded/);
    expect((await dev.call('own')).text, dev.output).to.equal('edited');
  });
});
